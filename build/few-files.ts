import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import type { Plugin } from 'esbuild'

const NAME = 'few-files'

/** Sources that go into one file. */
export interface Group {
  readonly sources: readonly string[]
  /** The entries that lead to any of them. */
  readonly entries: readonly string[]
}

/**
 * Builds few files. esbuild makes one of the sources that lie between the same entries, and there are many such sets: of
 * a process that opens a store and reads a task, loading them took half of the time. Here each entry of a group leads to
 * all its sources.
 */
export function fewFiles(groups: readonly Group[]): Plugin {
  return {
    name: NAME,
    setup({ initialOptions: { absWorkingDir: root = '' }, onResolve, onLoad }) {
      const groupsOf = (entry: string) => groups.filter(({ entries }) => entries.includes(entry))
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = resolve(root, path)
        const found = groupsOf(relative(root, file))
        if (found.length === 0) return undefined
        const imports = found.map((group) => `import '${NAME}:${groups.indexOf(group)}'`)
        const contents = [readFileSync(file, 'utf8'), ...imports].join('\n')
        return { contents, loader: 'ts', resolveDir: dirname(file) }
      })
      onResolve({ filter: new RegExp(`^${NAME}:`) }, ({ path }) => ({
        path: path.slice(NAME.length + 1),
        namespace: NAME,
        sideEffects: true,
      }))
      onLoad({ filter: /./, namespace: NAME }, ({ path }) => ({
        contents: groups[Number(path)]?.sources.map((source) => `import './${source}'`).join('\n') ?? '',
        resolveDir: root,
      }))
      // An import of nothing would be left out.
      const sources = new Set(groups.flatMap((group) => group.sources.map((source) => resolve(root, source))))
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const found = resolve(resolveDir, path)
        return sources.has(found) ? { path: found, sideEffects: true } : undefined
      })
    },
  }
}
