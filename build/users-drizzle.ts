import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
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
      const paths = entries.map((entry) => resolve(initialOptions.absWorkingDir ?? '', entry))
      onResolve({ filter: /./ }, ({ kind, path: wanted, resolveDir }) => {
        const path = resolve(resolveDir, wanted)
        return kind === 'entry-point' && paths.includes(path) ? { path, namespace: NAMESPACE } : undefined
      })
      onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({
        contents: readFileSync(path, 'utf8'),
        loader: 'ts',
        resolveDir: resolve(path, '..'),
      }))
      onResolve({ filter: /^drizzle-orm/, namespace: NAMESPACE }, ({ path: name }) => ({
        path: name,
        external: true,
      }))
    },
  }
}
