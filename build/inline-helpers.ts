import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Metafile } from 'esbuild'

/**
 * Puts esbuild's own helpers into each file that needs them, and removes the file that it makes of them: to load one takes
 * a millisecond of the twenty in which a process opens a store and reads a task.
 */
export function inlineHelpers(root: string, outputs: Metafile['outputs']): void {
  const isHelpers = ({ inputs, entryPoint }: Metafile['outputs'][string]) =>
    entryPoint === undefined && Object.keys(inputs).length === 0
  const found = Object.keys(outputs).filter((file) => isHelpers(outputs[file] as Metafile['outputs'][string]))
  const [helpers] = found
  if (helpers === undefined || found.length > 1) throw new Error(`expected one file of helpers: ${found}`)
  const text = readFileSync(join(root, helpers), 'utf8').replace(/^export \{[^}]*\};\n/m, '')
  // Of renamed ones the text would have other names.
  const names = String.raw`\{(?:\s*\w+,)*\s*\w+\s*\}`
  const imported = new RegExp(String.raw`^import (${names} from )?"[./]*/${basename(helpers)}";\n`, 'm')
  for (const [file, { imports }] of Object.entries(outputs)) {
    if (!imports.some(({ path }) => path === helpers)) continue
    const before = readFileSync(join(root, file), 'utf8')
    const after = before.replace(imported, (_, isNamed) => (isNamed ? text : ''))
    if (after === before) throw new Error(`${file} imports its helpers in another way`)
    writeFileSync(join(root, file), after)
  }
  rmSync(join(root, helpers))
}
