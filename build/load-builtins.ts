import { isBuiltin } from 'node:module'
import { relative } from 'node:path'
import type { Plugin } from 'esbuild'

const IMPORTED = 'imported-builtin'
const REQUIRED = 'required-builtin'

/**
 * Loads the modules of Node with `process.getBuiltinModule`. To import one, Node makes a module of all its names, some of
 * which load others: of a process that opens a store and reads a task that took a third of the time. And CommonJS
 * packages that are bundled find no `require` in an ES module.
 */
export const loadBuiltins: Plugin = {
  name: 'load-builtins',
  setup({ initialOptions, onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ kind, path, importer }) => {
      if (!isBuiltin(path)) return undefined
      if (kind === 'require-call') return { path, namespace: REQUIRED }
      // Bundlers look for an import of `worker_threads` itself.
      const isNamed = kind === 'import-statement' && path.startsWith('node:')
      if (!isNamed) return undefined
      // One for each that imports it, so that it stays in the same file.
      const suffix = `?${relative(initialOptions.absWorkingDir ?? '', importer)}`
      return { path, namespace: IMPORTED, suffix, sideEffects: false }
    })
    onLoad({ filter: /./, namespace: REQUIRED }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }))
    // What nobody imports is left out: it is said to be pure.
    onLoad({ filter: /./, namespace: IMPORTED }, ({ path }) => ({
      contents: [
        `const builtin = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(path)})`,
        'export default builtin',
        ...namesOf(path).map((name) => `export const ${name} = /* @__PURE__ */ (() => builtin.${name})()`),
      ].join('\n'),
    }))
  },
}

const namesOf = (path: string) =>
  Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => name !== 'default' && /^\w+$/.test(name))
