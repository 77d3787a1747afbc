import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'users-drizzle'

/**
 * Builds one entry with the Drizzle of its user, while all others have Drizzle bundled: the tables of the schema go into
 * the user's own queries. What the entry imports from this package it shares with the others.
 */
export function usersDrizzle(entry: string): Plugin {
  return {
    name: NAMESPACE,
    setup({ initialOptions, onResolve, onLoad }) {
      const path = resolve(initialOptions.absWorkingDir ?? '', entry)
      onResolve({ filter: /./ }, ({ kind, path: wanted, resolveDir }) =>
        kind === 'entry-point' && resolve(resolveDir, wanted) === path
          ? { path, namespace: NAMESPACE }
          : undefined,
      )
      onLoad({ filter: /./, namespace: NAMESPACE }, () => ({
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
