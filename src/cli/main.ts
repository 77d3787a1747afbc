#!/usr/bin/env node
import { EXIT } from './cli-error.ts'
import { createProgram } from './program.ts'
import { reportError } from './report-error.ts'

// `| head` closes the pipe: there is nothing to say, and nobody to say it to.
const isClosed = (error: unknown) => (error as { code?: unknown } | null)?.code === 'EPIPE'
process.stdout.on('error', (error) => {
  if (!isClosed(error)) throw error
  process.exitCode = EXIT.done
})

try {
  await createProgram().parseAsync()
} catch (error) {
  if (!isClosed(error))
    process.exitCode = reportError(
      error,
      process.argv.some((word) => word === '--verbose' || word === '-v'),
    )
}
