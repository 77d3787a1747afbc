#!/usr/bin/env node
import { createProgram } from './program.ts'
import { reportError } from './report-error.ts'

// Each write tells whether it failed; without a listener the stream would end the process as well.
process.stdout.on('error', () => undefined)

/** `| head` closes the pipe: there is nothing to say, and nobody to say it to. */
const isClosed = (error: unknown) => (error as { code?: unknown } | null)?.code === 'EPIPE'

try {
  await createProgram().parseAsync()
} catch (error) {
  const isVerbose = process.argv.some((word) => word === '--verbose' || word === '-v')
  if (!isClosed(error)) process.exitCode = reportError(error, isVerbose)
}
