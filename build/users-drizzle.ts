import { readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'users-drizzle'

/**
 * Builds some entries with the Drizzle of its user, while the others have Drizzle bundled: the tables of the schema go into
 * the user's own queries. What they import from this package they share with the others.
 */
export function usersDrizzle(...entries: readonly string[]): Plugin {
  return {
    name: NAMESPACE,
    setup({ initialOptions, onResolve, onLoad }) {
      const root = initialOptions.absWorkingDir ?? ''
      onResolve({ filter: /./ }, ({ kind, path: wanted, resolveDir }) => {
        const path = relative(root, resolve(resolveDir, wanted))
        return kind === 'entry-point' && entries.includes(path) ? { path, namespace: NAMESPACE } : undefined
      })
      onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({
        contents: readFileSync(resolve(root, path), 'utf8'),
        loader: 'ts',
        resolveDir: resolve(root, path, '..'),
      }))
      onResolve({ filter: /^drizzle-orm/, namespace: NAMESPACE }, ({ path: name }) => ({
        path: name,
        external: true,
      }))
    },
  }
}
