import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { TaskStore } from 'uniqc-task-store'

export interface MemoryOptions {
  readonly file: string
  readonly count: number
  readonly call: 'iterate' | 'saveMany' | 'importFile' | 'mergeFile' | 'archiveOlderThan'
}

/** The calls of which the store itself has the tasks. */
const IN_PLACE: readonly string[] = ['iterate', 'archiveOlderThan']

/** Megabytes of the process over what it had when the call began, at most, and what a record takes. */
export function run({ file, count, call }: MemoryOptions) {
  const full = `${file}.full`
  if (call !== 'saveMany') prepare(IN_PLACE.includes(call) ? file : full, count)
  using store = new TaskStore({ file, synchronous: 'NORMAL' })
  store.list({ limit: 20 })
  const calls = {
    iterate: () => {
      for (const _ of store.iterate());
    },
    saveMany: () => store.saveMany(tasks(count)),
    importFile: () => store.importFile(`${full}.jsonl`),
    mergeFile: () => store.mergeFile(full),
    archiveOlderThan: () => store.archive.archiveOlderThan({ hours: 1 }),
  }
  globalThis.gc?.()
  const before = process.memoryUsage.rss()
  const start = process.cpuUsage()
  calls[call]()
  const { user, system } = process.cpuUsage(start)
  const done = call === 'archiveOlderThan' ? store.archive.count() : count
  return {
    'megabytes over the start': (process.resourceUsage().maxRSS * 1024 - before) / 1e6,
    'microseconds of CPU a record': (user + system) / done,
  }
}

function* tasks(count: number) {
  for (let i = 0; i < count; i++) {
    const taskId = `uqt_${i.toString(16).padStart(32, '0')}`
    yield { taskId, backend: 'originq:WK_C180', status: 'success' as const, result: { '00': 512, '11': 488 } }
  }
}

/** Makes a file with so many tasks, and an export of it, in another process: what that takes is not measured. */
function prepare(file: string, count: number): void {
  const source = `
    import { fill } from './bench/fill.ts'
    import { TaskStore } from 'uniqc-task-store'
    fill(process.argv[1], ${count})
    const store = new TaskStore({ file: process.argv[1] })
    store.exportFile(process.argv[1] + '.jsonl')
    store.close()`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', source, '--', file]
  execFileSync(process.execPath, args, { cwd: join(import.meta.dirname, '../..') })
}
