import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { WorkerTaskStore, type WorkerTaskStoreOptions } from 'uniqc-task-store/worker'
import type { AnyStore, OpenStore, ReadRows } from './any-store.ts'
import { readRows } from './read-rows.ts'
import { assertSound } from './sound-file.ts'

/** Opens a store of a file in a thread. It is closed and has to be sound when the test ends. */
export async function openWorker(
  t: TestContext,
  options: WorkerTaskStoreOptions = {},
): Promise<WorkerTaskStore> {
  const folder = mkdtempSync(join(tmpdir(), 'uniqc-task-store-'))
  // One hook: they run in their order, and the folder goes last.
  t.after(async () => {
    readers.get(store as unknown as AnyStore)?.close()
    await store.close()
    if (options.file === undefined) assertSound(store.file)
    rmSync(folder, { recursive: true })
  })
  const store = await WorkerTaskStore.open({
    file: join(folder, 'tasks.sqlite'),
    synchronous: 'NORMAL',
    transactionTimeout: 30_000,
    ...options,
  })
  return store
}

/** For a contract. */
export const openAnyWorker: OpenStore = async (t) => (await openWorker(t)) as unknown as AnyStore

/** The connections that read the files beside their stores: some tests read many thousand times. */
const readers = new Map<AnyStore, Database.Database>()

/** Reads the file beside its store. */
export const workerRows: ReadRows = (store) => {
  const { file } = store as unknown as WorkerTaskStore
  const reader = readers.get(store) ?? new Database(file, { readonly: true })
  readers.set(store, reader)
  return readRows(reader)
}
