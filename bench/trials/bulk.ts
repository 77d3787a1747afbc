import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { TaskStore } from 'uniqc-task-store'
import { makeTask, openPeer } from '../peer.ts'

export interface BulkOptions {
  readonly peer: string
  readonly file: string
  readonly count: number
}

const KEYS = 8

/** Seconds for all, by what is done. */
export async function run({ peer, file, count }: BulkOptions) {
  new TaskStore({ file }).close()
  const opened = await openPeer(peer, file, 'NORMAL')
  function* tasks() {
    for (let i = 0; i < count; i++) yield makeTask(i, KEYS)
  }
  const times: Record<string, number> = {}
  const measure = (name: string, work: () => unknown) => {
    const start = process.hrtime.bigint()
    work()
    times[name] = Number(process.hrtime.bigint() - start) / 1e9
  }
  measure('save all', () => opened.saveAll?.(tasks()))
  measure('list all', () => opened.listAll?.())
  measure('iterate all', () => opened.iterateAll?.())
  await opened.close()

  const lines = `${file}.jsonl`
  writeLines(lines, tasks())
  const target = `${file}.imported.sqlite`
  new TaskStore({ file: target }).close()
  if (peer === 'task-store') {
    using store = new TaskStore({ file: target, synchronous: 'NORMAL' })
    measure('import', () => store.importFile(lines))
  } else {
    const other = await openPeer(peer, target, 'NORMAL')
    measure('import', () => other.saveAll?.(readFileSync(lines, 'utf8').trimEnd().split('\n').map(readLine)))
    await other.close()
  }
  return times
}

function writeLines(file: string, tasks: Iterable<ReturnType<typeof makeTask>>): void {
  const descriptor = openSync(file, 'w')
  for (const { taskId, backend, status, shots, result, metadata } of tasks) {
    const times = { submit_time: '2023-01-01T00:00:00', update_time: '2023-01-01T00:00:00' }
    const line = { task_id: taskId, platform: backend, status, ...times, result, shots, ...metadata }
    writeSync(descriptor, `${JSON.stringify(line)}\n`)
  }
  closeSync(descriptor)
}

function readLine(line: string) {
  const { task_id, platform, status, result, shots, ...metadata } = JSON.parse(line)
  return { taskId: task_id, backend: platform, status, shots, result, metadata }
}
