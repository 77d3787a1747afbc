import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { AnyStore } from './any-store.ts'

async function exportText(store: AnyStore, file: string): Promise<string> {
  await store.exportFile(file, { replace: true })
  return readFileSync(file, 'utf8')
}

/** Exports, imports into `copy`, which is empty, and exports that: equal bytes, each line strict JSON. */
export async function roundTrip(store: AnyStore, copy: AnyStore, file: string): Promise<void> {
  const first = await exportText(store, file)
  for (const line of first.split('\n').slice(0, -1)) JSON.parse(line)
  const report = await copy.importFile(file)
  assert.deepEqual(report.skipped, [])
  assert.equal(await exportText(copy, file), first)
}

/** The rows but for white space and spelling of their JSON: as a reader sees them. */
export async function asRead(store: AnyStore) {
  const live = await store.list()
  const archived = await store.archive.list()
  return {
    live,
    archived,
    liveShards: await Promise.all(live.map((task) => store.getShards(task.taskId))),
    archivedShards: await Promise.all(archived.map((task) => store.archive.getShards(task.taskId))),
  }
}
