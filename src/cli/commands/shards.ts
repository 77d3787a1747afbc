import type { TaskShard } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { findId } from '../find-id.ts'
import { openReader, placeOf, type Store } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { FORMATS, type FormatOptions, formatOf, printRecords } from '../output/print-records.ts'
import { SHARD_COLUMNS, SHARD_FIELDS } from '../shard-columns.ts'

export function addShards(program: CliCommand): void {
  program
    .command('shards')
    .argument('<id>', 'a task, or the beginning of its id')
    .summary('show the parts of a task, with their ids on the platform')
    .description(
      'Shows the parts in which a task was submitted to its platform. Away from a terminal each is a line, its fields between tabs: index, id on the platform, status, backend, circuits, offset, submit time, update time, error.',
    )
    .choice('-f, --format <format>', 'how they are printed', FORMATS)
    .json(
      'an array of shards, each with the properties of TaskShard; those of an archived task also have archivedAt',
    )
    .example('Under which ids the platform knows a task', 'uniqc-tasks shards uqt_4f2a')
    .action((id: string, _options: unknown, command: CliCommand) =>
      shards(id, command.optsWithGlobals<GlobalOptions & FormatOptions>()),
    )
}

async function shards(given: string, options: GlobalOptions & FormatOptions): Promise<void> {
  const format = formatOf(options)
  await using store = await openReader(placeOf(options))
  const found = await shardsOf(store, await findId(store, given))
  await printRecords(format, {
    parts: () => [found],
    wholes: () => found,
    columns: SHARD_COLUMNS,
    fields: SHARD_FIELDS,
    none: 'the task has no shards',
  })
}

/** The shards of a task, which are where it is. */
export async function shardsOf(store: Store, taskId: string): Promise<readonly TaskShard[]> {
  const live = await store.getShards(taskId)
  return live.length > 0 ? live : store.archive.getShards(taskId)
}
