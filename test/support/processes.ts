import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { hasPython } from './has-python.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** No child outlives this, in milliseconds: one that waits for what never comes fails its test, and ends. */
const LONGEST = 120_000

/** Starts an ES module text in a process of its own, with `uniqc-task-store` importable. */
export function spawnModule(source: string, ...args: readonly string[]) {
  // Behind -- so that an argument is never read as an option of Node.
  return start(process.execPath, ['--input-type=module', '--eval', source, '--', ...args])
}

/** What a child prints, which grows until it ends. */
export function collect(child: ReturnType<typeof start>): {
  readonly output: string
  readonly errors: string
} {
  const printed = { output: '', errors: '' }
  child.stdout.on('data', (data) => {
    printed.output += data
  })
  child.stderr.on('data', (data) => {
    printed.errors += data
  })
  return printed
}

/** Resolves when a child prints its first words. Rejects if it ends before that, with what it complained of. */
export function firstOutput(child: ReturnType<typeof start>): Promise<void> {
  return new Promise((fulfil, reject) => {
    const printed = collect(child)
    child.stdout.once('data', () => fulfil())
    child.once('close', (code) =>
      reject(new Error(`it ended with ${code} and printed nothing: ${printed.errors}`)),
    )
  })
}

/** Kills a child that would go on. Resolves when it is gone, also where it was before. */
export async function kill(child: ReturnType<typeof start>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Runs an ES module text to its end. Resolves to what it printed. */
export function runModule(source: string, ...args: readonly string[]): Promise<string> {
  return finish(spawnModule(source, ...args))
}

/** {@link runModule} where no file may grow beyond so many blocks of the shell: a write fails, as on a full disk. */
export function runModuleWithFileLimit(blocks: number, source: string, ...args: readonly string[]) {
  const shell = `ulimit -f ${blocks}; trap '' XFSZ; exec "$@"`
  const node = [process.execPath, '--input-type=module', '--eval', source, '--', ...args]
  return finish(start('bash', ['-c', shell, 'bash', ...node]))
}

/** Runs a Python program in a process of its own to its end. Resolves to what it printed. */
export function runPython(source: string, ...args: readonly string[]): Promise<string> {
  return finish(spawnPython(source, ...args))
}

/** Starts a Python program in a process of its own. */
export function spawnPython(source: string, ...args: readonly string[]) {
  return start('python3', ['-c', source, ...args])
}

function start(command: string, args: readonly string[]) {
  return spawn(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST,
    killSignal: 'SIGKILL',
  })
}

/** Resolves to what a child has printed when it has come to its end. */
export function finish(child: ReturnType<typeof start>): Promise<string> {
  return new Promise((fulfil, reject) => {
    const printed = collect(child)
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) fulfil(printed.output)
      else reject(new Error(`${child.spawnfile} ended with ${code}: ${printed.errors}`))
    })
  })
}

/** Handed to a test that needs Python: a reason to skip it, where there is none. */
export const needsPython = hasPython() ? {} : { skip: 'there is no python3 with sqlite3 here' }
