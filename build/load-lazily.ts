import { readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'

const CALLED = 'load-lazily'
const LOADED = 'loaded-lazily'

/**
 * Runs some modules, with all that they import, when a function of theirs is first called. They are bundled for themselves,
 * and stay in the file of those that import them: a program that is bundled with the package finds no other file of it.
 *
 * @param unused Packages that they import and never use.
 */
export function loadLazily(files: readonly string[], unused: readonly string[]): Plugin {
  return {
    name: CALLED,
    setup({ initialOptions: { absWorkingDir: root = '', target }, onResolve, onLoad }) {
      onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
        const file = relative(root, resolve(resolveDir, path))
        return kind === 'import-statement' && files.includes(file)
          ? { path: file, namespace: CALLED, sideEffects: false }
          : undefined
      })
      onLoad({ filter: /./, namespace: CALLED }, ({ path }) => {
        const text = readFileSync(resolve(root, path), 'utf8')
        const names = [...text.matchAll(/^export function (\w+)/gm)].map(([, name]) => name)
        const calls = names.map(
          (name) => `export const ${name} = (...args) => require(${JSON.stringify(path)}).${name}(...args)`,
        )
        return { contents: calls.join('\n') }
      })
      onResolve({ filter: /./, namespace: CALLED }, ({ path }) => ({ path, namespace: LOADED }))
      onLoad({ filter: /./, namespace: LOADED }, async ({ path }) => {
        const { outputFiles } = await build({
          absWorkingDir: root,
          entryPoints: [path],
          bundle: true,
          write: false,
          format: 'cjs',
          platform: 'node',
          ...(target && { target }),
          minify: true,
          plugins: [leaveOut(unused)],
          logLevel: 'warning',
        })
        return { contents: outputFiles[0]?.text ?? '' }
      })
    },
  }
}

const leaveOut = (packages: readonly string[]): Plugin => ({
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path }) =>
      packages.includes(path) ? { path, namespace: 'leave-out' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'leave-out' }, () => ({ contents: '', loader: 'js' }))
  },
})
