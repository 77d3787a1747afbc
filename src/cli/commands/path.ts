import type { CliCommand } from '../cli-command.ts'
import { nameOf, openReader, placeOf } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { escapeText } from '../output/escape-text.ts'
import { hidePasswords } from '../output/hide-password.ts'
import { print } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'

interface Options extends GlobalOptions {
  readonly json?: boolean
}

export function addPath(program: CliCommand): void {
  program
    .command('path')
    .summary('print where the store is')
    .description(
      'Prints the path of the file, or the URL of the server without its password, once the store could be opened.',
    )
    .json('{ kind: "file", file } or { kind: "server", url, schema }')
    .example('Which file the other commands use', 'uniqc-tasks path')
    .action((_options: unknown, command: CliCommand) => path(command.optsWithGlobals<Options>()))
}

async function path(options: Options): Promise<void> {
  const place = placeOf(options)
  await using store = await openReader(place)
  const name = hidePasswords(nameOf(place, store))
  if (!options.json) return print(`${escapeText(name)}\n`)
  const { kind } = place
  await printJson(
    place.kind === 'file'
      ? { kind, file: name }
      : { kind, url: name, schema: place.options.schema ?? 'uniqc' },
  )
}
