import { CliError, EXIT } from './cli-error.ts'
import { escapeText } from './output/escape-text.ts'
import { tell } from './output/print.ts'

/** What to do on the command line about what the API says in its own words. */
const NEXT: Readonly<Record<string, string>> = {
  CORRUPT_FILE:
    'keep a copy of the file, then "uniqc-tasks restore-backup BACKUP"; "check" and "export" tell what can still be read',
}

/** Reports an error on one line, the next step on another one, and returns the code to end with. */
export function reportError(error: unknown, isVerbose: boolean): number {
  const code = codeOf(error)
  if (code.startsWith('commander.')) return exitCodeOf(error) === 0 ? EXIT.done : EXIT.misuse
  const message = error instanceof Error ? error.message : String(error)
  // The list of a CliError stands on lines of its own, and its ids are escaped already.
  tell(`error: ${error instanceof CliError ? message : escapeText(message)}`)
  const next = error instanceof CliError ? error.next : (NEXT[code] ?? nextOf(code, message))
  if (next) tell(`  ${next}`)
  if (isVerbose) for (const line of causes(error)) tell(escapeText(line))
  if (error instanceof CliError) return error.exitCode
  return code === 'AMBIGUOUS_ID' || code.startsWith('ERR_INVALID_ARG') ? EXIT.misuse : EXIT.failed
}

function nextOf(code: string, message: string): string | undefined {
  if (code === 'MIGRATION_FAILED' && message.includes('migrate: false')) return 'run "uniqc-tasks migrate"'
  if (code === 'CONFLICT' && message.includes('exists')) return 'give --replace to replace it'
  return undefined
}

const codeOf = (error: unknown) => String((error as { code?: unknown })?.code ?? '')
const exitCodeOf = (error: unknown) => (error as { exitCode?: unknown }).exitCode

/** The stack of an error, and of what caused it. */
function causes(error: unknown): string[] {
  const lines: string[] = []
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const [first, ...stack] = (at.stack ?? at.message).split('\n')
    lines.push(`${depth === 0 ? '' : 'caused by '}${first}`, ...stack)
  }
  return lines
}
