import { CliError, EXIT } from './cli-error.ts'
import { canAsk, tell } from './output/print.ts'

/** What a person says no to ends with this. */
const NO = 'nothing was done'

/**
 * Asks whether to go on with what cannot be undone.
 *
 * @throws CliError if the answer is no, and where nobody can be asked.
 */
export async function confirm(question: string, isYes: boolean | undefined): Promise<void> {
  if (isYes) return
  if (!canAsk()) {
    throw new CliError(EXIT.misuse, `${question} There is no terminal to ask at, so ${NO}`, 'give --yes')
  }
  const { createInterface } = await import('node:readline/promises')
  const asker = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-C and the end of the input are a no.
  const answer = await new Promise<string>((fulfil) => {
    asker.once('close', () => fulfil(''))
    asker.question(`${question} [y/N] `).then(fulfil, () => fulfil(''))
  })
  asker.close()
  if (/^y(?:es)?$/i.test(answer.trim())) return
  tell('')
  throw new CliError(EXIT.failed, NO)
}
