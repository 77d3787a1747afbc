import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { AnyStore } from './any-store.ts'
import { temporaryFolder } from './temporary.ts'

interface ImportedTask {
  readonly taskId: string
  readonly backend: string
  /** Also one that no save takes. */
  readonly status: string
  readonly submitTime: string
  readonly isArchived?: boolean
}

/** Fills a store in an order and with statuses that calls for single tasks do not allow. */
export async function importTasks(
  t: TestContext,
  store: AnyStore,
  tasks: readonly ImportedTask[],
): Promise<void> {
  const file = join(temporaryFolder(t), 'tasks.jsonl')
  const lines = tasks.map(({ taskId, backend, status, submitTime, isArchived }) =>
    JSON.stringify({
      task_id: taskId,
      backend,
      status,
      submit_time: submitTime,
      update_time: '2026-02-01',
      ...(isArchived && { archived_at: 'then' }),
    }),
  )
  writeFileSync(file, lines.join('\n'))
  assert.equal((await store.importFile(file)).imported, tasks.length)
}
