import { hidePasswords } from './hide-password.ts'

/** Whether a person reads what is printed. */
export const isTerminal = (): boolean => process.stdout.isTTY === true

/** Whether questions can be asked. */
export const canAsk = (): boolean => process.stdin.isTTY === true && showsProgress()

/** Whether a person sees how far a long call is. */
export const showsProgress = (): boolean => process.stderr.isTTY === true

/** How many columns a line has at most; no limit away from a terminal. */
export function width(): number {
  return isTerminal() ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY
}

/**
 * Prints, and resolves when it is out: a reader that is slow, or gone, is noticed before more is read from the store.
 */
export function print(text: string): Promise<void> {
  return new Promise((fulfil, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : fulfil()))
  })
}

/** Prints for a person who does not read the output: errors, questions and progress. */
export function tell(text: string): void {
  process.stderr.write(`${hidePasswords(text)}\n`)
}
