import { checkNotOwn } from '../../files/file-identity.ts'
import { writeWholeFile } from '../../files/whole-file.ts'
import { toStrictJson } from '../../formats/strict-json.ts'
import { checkBoolean, checkKeys, checkPath } from '../../rules/check-arguments.ts'
import type { ShardCells, TaskCopy } from '../../rules/raw-task.ts'
import { checkArchived, checkFilter, FILTER_KEYS, type TaskFilter } from '../../rules/task-filter.ts'
import type { Connection } from '../connection.ts'
import { CopyQueries } from '../tables/copy-queries.ts'
import { toCondition } from '../tables/filter-sql.ts'
import { placeOf } from '../tables/place.ts'

/** Which tasks are exported, and how. */
export interface ExportOptions extends TaskFilter {
  /** `false` for the live tasks alone, `true` for the archived ones. Default `'both'`. */
  readonly archived?: boolean | 'both' | undefined
  /** Replace a file that is there. Default false. */
  readonly replace?: boolean | undefined
}

/** What an export wrote. */
export interface ExportReport {
  readonly tasks: number
  readonly shards: number
}

/** Writes the tasks of a store to a file of JSON lines, all as they were at one moment. */
export function exportFile(connection: Connection, file: string, options: ExportOptions): ExportReport {
  checkPath('file', file)
  checkNotOwn(file, connection.file, 'name another one')
  const { places, filter, replace } = checkExportOptions(options)
  const queries = new CopyQueries(connection)
  const report = { tasks: 0, shards: 0 }
  writeWholeFile(file, replace, (append) =>
    connection.snapshot(() => {
      for (const place of places) {
        for (const batch of queries.batches(place, filter)) {
          for (const copy of batch) {
            append(`${toLine(copy)}\n`)
            report.tasks++
            report.shards += copy.shards.length
          }
        }
      }
    }),
  )
  return report
}

function checkExportOptions(options: ExportOptions) {
  checkKeys('options', options, [...FILTER_KEYS, 'archived', 'replace'])
  const { archived = 'both', replace, ...filter } = options
  checkBoolean('replace', replace)
  return {
    places: checkArchived(archived).map(placeOf),
    filter: toCondition(checkFilter(filter)),
    replace: replace ?? false,
  }
}

/** A task on one line, under the names of the columns. */
function toLine({ task, archivedAt, shards }: TaskCopy): string {
  return object({
    task_id: JSON.stringify(task.taskId),
    backend: JSON.stringify(task.backend),
    status: JSON.stringify(task.status),
    shots: JSON.stringify(task.shots),
    submit_time: JSON.stringify(task.submitTime),
    update_time: JSON.stringify(task.updateTime),
    result: cell(task.result, 'null'),
    metadata: metadataCell(task.metadata),
    error_message: JSON.stringify(task.errorMessage),
    archived_at: archivedAt === null ? undefined : JSON.stringify(archivedAt),
    shards: shards.length === 0 ? undefined : `[${shards.map(shardObject).join()}]`,
  })
}

function shardObject(shard: ShardCells): string {
  return object({
    shard_index: JSON.stringify(shard.shardIndex),
    platform_task_id: JSON.stringify(shard.platformTaskId),
    backend: JSON.stringify(shard.backend),
    circuit_count: JSON.stringify(shard.circuitCount),
    sub_index_offset: JSON.stringify(shard.subIndexOffset),
    status: JSON.stringify(shard.status),
    result: cell(shard.result, 'null'),
    error_message: JSON.stringify(shard.errorMessage),
    submit_time: JSON.stringify(shard.submitTime),
    update_time: JSON.stringify(shard.updateTime),
  })
}

/** An object of texts that are JSON already, without those that are undefined. */
function object(members: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(members).filter(([, text]) => text !== undefined)
  return `{${given.map(([name, text]) => `"${name}":${text}`).join()}}`
}

/** The text of a JSON cell, which is a text in every file that UnifiedQuantum wrote. */
function cell(text: unknown, ifEmpty: string): string {
  return text === null || text === '' ? ifEmpty : toStrictJson(String(text))
}

/** Metadata that is no object is shown as unreadable: so is its text carried. */
function metadataCell(text: unknown): string {
  const isObject = /^\s*(?:\{|$)/.test(String(text))
  return isObject ? cell(text, '{}') : JSON.stringify({ $unreadable: String(text) })
}
