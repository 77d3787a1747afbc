import { isBuiltin } from 'node:module'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'require-builtins'

/** Lets CommonJS packages that are bundled load the modules of Node, for which an ES module has no `require`. */
export const requireBuiltins: Plugin = {
  name: NAMESPACE,
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === 'require-call' && isBuiltin(path) ? { path, namespace: NAMESPACE } : undefined,
    )
    onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }))
  },
}
