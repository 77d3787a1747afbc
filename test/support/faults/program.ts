import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { TestContext } from 'node:test'

const ROOT = resolve(import.meta.dirname, '../../..')

/** A program of this folder in a process of its own, which answers one question after the other. */
export class Program<Question extends object, Answer> {
  readonly #child: ChildProcess
  #errors = ''

  /** Ends with the test. */
  constructor(t: TestContext, file: string, environment: NodeJS.ProcessEnv) {
    this.#child = fork(resolve(import.meta.dirname, file), {
      cwd: ROOT,
      env: { ...process.env, ...environment },
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.on('data', (data) => {
      this.#errors += data
    })
    t.after(async () => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGKILL')
      await exited
    })
  }

  /** Rejects where the program fails, or ends. */
  async ask(question: Question): Promise<Answer> {
    const ended = new AbortController()
    const end = () => ended.abort()
    this.#child.once('close', end)
    try {
      const answer = once(this.#child, 'message', { signal: ended.signal })
      this.#child.send(question)
      const [{ value, error }] = (await answer) as [{ value: Answer; error?: string }]
      if (error !== undefined) throw new Error(error)
      return value
    } catch (error) {
      if (!ended.signal.aborted) throw error
      const how = this.#child.signalCode ?? this.#child.exitCode
      throw new Error(`it ended with ${how}: ${this.#errors}\nasked: ${JSON.stringify(question)}`)
    } finally {
      this.#child.off('close', end)
    }
  }
}

/** Answers what {@link Program.ask} asks, in the process of the program. */
export function serve<Question, Answer>(answer: (question: Question) => Answer | Promise<Answer>): void {
  process.on('message', async (question) => {
    try {
      process.send?.({ value: await answer(question as Question) })
    } catch (error) {
      process.send?.({ error: error instanceof Error ? error.stack : String(error) })
    }
  })
}
