import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Metafile } from 'esbuild'

/**
 * Puts esbuild's own helpers into each file that needs them, and removes the file that it makes of them: to load one takes
 * a millisecond of the twenty in which a process opens a store and reads a task.
 */
export function inlineHelpers(root: string, outputs: Metafile['outputs']): void {
  const found = Object.entries(outputs).flatMap(([file, { inputs, entryPoint }]) =>
    entryPoint === undefined && Object.keys(inputs).length === 0 ? [file] : [],
  )
  const [helpers] = found
  if (helpers === undefined || found.length > 1) throw new Error(`expected one file of helpers: ${found}`)
  const whole = readFileSync(join(root, helpers), 'utf8')
  const text = whole.replace(/^export \{[^}]*\};\n/m, '')
  if (text === whole) throw new Error(`${helpers} exports no helpers`)
  const declared = [...text.matchAll(/^var (\w+) =/gm)].map(([, name]) => name)
  const isDeclared = new RegExp(String.raw`\b(?:var|let|const|function|class) (?:${declared.join('|')})\b`)
  // Not those under other names: the text declares them under these.
  const names = String.raw`\{(?:\s*\w+,)*\s*\w+\s*\}`
  const imported = new RegExp(String.raw`^import (${names} from )?"[./]*/${basename(helpers)}";\n`, 'm')
  for (const [file, { imports }] of Object.entries(outputs)) {
    if (!imports.some(({ path }) => path === helpers)) continue
    const before = readFileSync(join(root, file), 'utf8')
    if (isDeclared.test(before)) throw new Error(`${file} declares the name of a helper itself`)
    const after = before.replace(imported, (_, isNamed) => (isNamed ? text : ''))
    if (after === before) throw new Error(`${file} imports its helpers in another way`)
    writeFileSync(join(root, file), after)
  }
  rmSync(join(root, helpers))
}
