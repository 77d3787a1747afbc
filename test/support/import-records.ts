import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ImportOptions, ImportReport } from 'uniqc-task-store'
import type { AnyStore } from './any-store.ts'
import { temporaryFolder } from './temporary.ts'

export const EARLY = '2026-01-01T00:00:00+00:00'
export const LATE = '2026-01-02T00:00:00+00:00'

/** A line of UnifiedQuantum's `tasks.jsonl`. */
export const flat = (task_id: string, fields: object = {}) =>
  JSON.stringify({
    ...{ task_id, platform: 'originq', status: 'running', submit_time: EARLY, update_time: EARLY },
    ...fields,
  })

/** So many lines of UnifiedQuantum's `tasks.jsonl`. */
export const lines = (count: number, fields?: object) =>
  Array.from({ length: count }, (_, i) => flat(`t${i}`, { i, ...fields })).join('\n')

/** A line of an export, with members that are JSON text already. */
export const exported = (task_id: string, members = '') =>
  `{"task_id":"${task_id}","backend":"originq","status":"running","submit_time":"1","update_time":"2"${members}}`

/** Writes a file of its own to import. */
export function write(t: TestContext, content: string | Uint8Array, name = 'tasks.jsonl'): string {
  const file = join(temporaryFolder(t), name)
  writeFileSync(file, content)
  return file
}

/** Imports, and checks what every report must hold. */
export async function run(store: AnyStore, path: string, options?: ImportOptions): Promise<ImportReport> {
  const report = await store.importFile(path, options)
  const { read, imported, unchanged, superseded, skipped } = report
  assert.equal(read, imported + unchanged + superseded + skipped.length)
  return report
}

export const idsOf = async (store: AnyStore) => (await store.list()).map((task) => task.taskId).toSorted()

export const reasonsOf = (report: ImportReport) => report.skipped.map(({ reason }) => reason)
