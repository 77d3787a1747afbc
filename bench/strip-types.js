// Lets Node run the benchmarks, which are in TypeScript, and leaves every other file as it is. tsx also rewrites the
// JavaScript of the package: there each function would set its own name whenever it is made, in the middle of what is
// measured.
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import { transform } from 'esbuild'

if (isMainThread) register(import.meta.url)

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context)
  const { code } = await transform(await readFile(new URL(url), 'utf8'), {
    loader: 'ts',
    target: 'node20.19',
  })
  return { format: 'module', source: code, shortCircuit: true }
}
