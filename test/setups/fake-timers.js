// What a test runner does beyond the program: clocks that a test sets.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'

const TASK = { taskId: 'a', backend: 'b', status: 'running' }

/** Called with fake timers on, at the start of May 2026. */
export function useStore() {
  rmSync('timers', { recursive: true, force: true })
  const store = new TaskStore({ cacheDir: 'timers', timeout: 200 })
  assert.match(store.save(TASK).submitTime, /^2026-05-01T00:00:00\.000/)
  const other = new Database(store.file)
  other.exec('BEGIN IMMEDIATE')
  assert.throws(() => store.save(TASK), { code: 'LOCKED' })
  other.close()
  store.close()
}
