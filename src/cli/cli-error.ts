/** How a command ended. */
export const EXIT = { done: 0, failed: 1, misuse: 2, notFound: 3, findings: 4, interrupted: 130 } as const

/** An error that a command reports, with the code that it ends with. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number
  /** What to do next, on a line of its own. */
  readonly next: string | undefined

  constructor(exitCode: number, message: string, next?: string) {
    super(message)
    this.exitCode = exitCode
    this.next = next
  }
}
