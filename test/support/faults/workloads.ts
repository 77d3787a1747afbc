import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { type NewTaskInfo, type NewTaskShard, TaskStore } from 'uniqc-task-store'
import { Random } from './random.ts'

const OLD_FILE = resolve(import.meta.dirname, '../../files/uniqc-0.0.7-schema1.sqlite')

/** Where a workload runs: the store, while it is open, and the folder that it may write to. */
export class Site {
  readonly folder: string
  readonly file: string
  readonly #options: SiteOptions
  #store: TaskStore | undefined

  constructor(folder: string, workload: Workload, options: SiteOptions) {
    this.folder = folder
    this.file = join(folder, workload.file ?? 'tasks.sqlite')
    this.#options = options
  }

  get store(): TaskStore {
    if (this.#store === undefined) throw new Error('the store is not open')
    return this.#store
  }

  open(): void {
    const { synchronous, checkpointAfter } = this.#options
    this.#store = new TaskStore({ file: this.file, synchronous })
    this.#store.db.$client.pragma(`wal_autocheckpoint = ${checkpointAfter}`)
  }

  get isOpen(): boolean {
    return this.#store !== undefined
  }

  close(): void {
    this.#store?.close()
    this.#store = undefined
  }

  path(name: string): string {
    return join(this.folder, name)
  }
}

export interface SiteOptions {
  readonly synchronous: 'FULL' | 'NORMAL'
  /** In pages: how much the log may hold before it is written into the file. */
  readonly checkpointAfter: number
}

/** A call of the store, or a few. */
export interface Step {
  readonly name: string
  /** What it does follows from the random numbers and from what the store holds. */
  readonly run: (site: Site, random: Random) => unknown
  /** It goes in batches: where it was interrupted, each task is as before or as after, and whole. */
  readonly isInBatches?: boolean
  /** The file that holds the same as the store once it returned. */
  readonly copy?: string
}

export interface Workload {
  readonly name: string
  /** The store's file in the folder. Default `tasks.sqlite`. */
  readonly file?: string
  /** How often it is tried, compared with others. Default 1. */
  readonly weight?: number
  /** Makes what the folder holds before. */
  readonly prepare: (folder: string) => void
  readonly steps: readonly Step[] | ((random: Random) => readonly Step[])
}

export function stepsOf({ steps }: Workload, seed: number): readonly Step[] {
  return typeof steps === 'function' ? steps(new Random(seed)) : steps
}

const LIVE = 14
const MANY = 250

/** Half of them have the form that UnifiedQuantum gives ids, which takes another way through the store. */
const idOf = (name: string, i: number) =>
  i % 2 === 0
    ? `${name}-${i}`
    : `uqt_${Buffer.from(`${name}-${i}`).toString('hex').padStart(32, '0').slice(-32)}`

function taskOf(taskId: string, value: number, size = 60): NewTaskInfo {
  return {
    taskId,
    backend: 'originq:WK_C180',
    status: 'success',
    shots: value,
    submitTime: `2026-01-01T00:00:${String(value % 60).padStart(2, '0')}.000000+00:00`,
    updateTime: '2026-01-02T00:00:00.000000+00:00',
    result: { counts: 'x'.repeat(size), value },
    metadata: { value },
  }
}

function shardOf(uniqcTaskId: string, shardIndex: number, value: number): NewTaskShard {
  return {
    uniqcTaskId,
    shardIndex,
    platformTaskId: `job-${uniqcTaskId}-${shardIndex}`,
    status: 'success',
    result: [value],
  }
}

/** Makes a store with tasks that have a shard each, every fifth of them archived. */
function fill(
  file: string,
  name: string,
  count: number,
  change: (store: TaskStore) => void = () => {},
): void {
  mkdirSync(dirname(file), { recursive: true })
  const store = new TaskStore({ file })
  store.transaction(() => {
    for (let i = 0; i < count; i++) {
      const taskId = idOf(name, i)
      store.save(taskOf(taskId, i), { keepUpdateTime: true })
      store.saveShard(shardOf(taskId, 0, i))
      if (i % 5 === 4) store.archive.archive(taskId)
    }
  })
  change(store)
  store.close()
}

const prepareStore = (folder: string) => fill(join(folder, 'tasks.sqlite'), 'task', LIVE)

const OPEN: Step = { name: 'open', run: (site) => site.open() }
const CLOSE: Step = { name: 'close', run: (site) => site.close() }
/** Is acknowledged, so it must be there after what came before it. */
const SAVE: Step = {
  name: 'save',
  run: ({ store }, random) => store.save(taskOf(idOf('new', random.below(20)), random.below(100))),
}

/** A call about some live task, where there is one. */
function onTask(name: string, run: (store: TaskStore, taskId: string, random: Random) => unknown): Step {
  return {
    name,
    run: ({ store }, random) => {
      const listed = store.list()
      return listed.length > 0 && run(store, random.pick(listed).taskId, random)
    },
  }
}

/** The calls that are one transaction each. */
const CALLS: readonly Step[] = [
  SAVE,
  {
    name: 'save something large',
    run: ({ store }, random) => store.save(taskOf(idOf('large', random.below(3)), 1, random.below(60_000))),
  },
  {
    name: 'saveMany',
    run: ({ store }, random) =>
      store.saveMany(Array.from({ length: 8 }, (_, i) => taskOf(idOf('many', random.below(20)), i, 500))),
  },
  onTask('update', (store, taskId, random) => {
    const status = random.pick(['running', 'success', 'failed'] as const)
    return store.update(taskId, { status, errorMessage: `number ${random.below(100)}` })
  }),
  onTask('update of metadata', (store, taskId, random) => {
    const metadata = { [`key${random.below(5)}`]: random.below(100) }
    return store.update(taskId, { metadata, result: [random.below(100)] })
  }),
  onTask('delete', (store, taskId) => store.delete(taskId)),
  onTask('addShard', (store, taskId, random) => {
    const { shardIndex: _, ...shard } = shardOf(taskId, 0, random.below(100))
    return store.addShard(shard, { refreshTask: true })
  }),
  onTask('deleteShards', (store, taskId) => store.deleteShards(taskId)),
  onTask('archive.archive', (store, taskId) => store.archive.archive(taskId, { onConflict: 'live' })),
  {
    name: 'archive.restore',
    run: ({ store }, random) => {
      const archived = store.archive.list()
      if (archived.length === 0) return false
      return store.archive.restore(random.pick(archived).taskId, { onConflict: 'archived' })
    },
  },
  {
    name: 'archive.delete',
    run: ({ store }, random) => {
      const archived = store.archive.list()
      return archived.length > 3 && store.archive.delete(random.pick(archived).taskId)
    },
  },
  onTask('transaction', (store, taskId, random) =>
    store.transaction(() => {
      const pair = idOf('pair', random.below(10))
      store.save(taskOf(pair, random.below(100)))
      store.saveShard(shardOf(pair, 0, random.below(100)))
      store.delete(taskId)
    }),
  ),
  {
    name: 'close and open',
    run: (site) => {
      site.close()
      site.open()
    },
  },
]

const MANY_IDS = Array.from({ length: MANY }, (_, i) => idOf('task', i))

/** Makes a backup of another store, which is named `backup.sqlite`. */
function prepareBackup(folder: string): void {
  fill(join(folder, 'backup.sqlite'), 'saved', LIVE)
}

const RESTORE: Step = {
  name: 'restoreBackup',
  run: (site) => TaskStore.restoreBackup(site.path('backup.sqlite'), { file: site.file }),
  copy: 'backup.sqlite',
}

const FIRST: readonly Step[] = [OPEN, SAVE, SAVE, CLOSE, OPEN, SAVE, CLOSE]

const AFTER_RESTORE: readonly Step[] = [OPEN, SAVE, CLOSE]

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'single calls',
    prepare: prepareStore,
    steps: (random) => [OPEN, ...Array.from({ length: 40 }, () => random.pick(CALLS)), CLOSE],
  },
  {
    name: 'calls of every kind',
    prepare: prepareStore,
    steps: [OPEN, ...CALLS, CLOSE],
  },
  {
    name: 'calls in batches',
    prepare: (folder) => fill(join(folder, 'tasks.sqlite'), 'task', MANY),
    steps: [
      OPEN,
      {
        name: 'archive.archiveMany',
        isInBatches: true,
        run: ({ store }) => store.archive.archiveMany(MANY_IDS.slice(0, 150)),
      },
      {
        name: 'archive.restoreMany',
        isInBatches: true,
        run: ({ store }) => store.archive.restoreMany(MANY_IDS),
      },
      {
        name: 'archive.archiveOlderThan',
        isInBatches: true,
        run: ({ store }) => store.archive.archiveOlderThan({ hours: 1 }),
      },
      {
        name: 'archive.deleteMany',
        isInBatches: true,
        run: ({ store }) => store.archive.deleteMany(MANY_IDS.slice(100)),
      },
      {
        name: 'saveMany',
        run: ({ store }) =>
          store.saveMany(Array.from({ length: MANY }, (_, i) => taskOf(idOf('more', i), i))),
      },
      { name: 'clearCompleted', isInBatches: true, run: ({ store }) => store.clearCompleted() },
      SAVE,
      { name: 'clearAll', isInBatches: true, run: ({ store }) => store.clearAll() },
      CLOSE,
    ],
  },
  {
    name: 'the first opening',
    prepare: () => {},
    steps: FIRST,
  },
  {
    name: 'the first opening, of a folder that is to be made',
    file: 'cache/uniqc/tasks.sqlite',
    prepare: () => {},
    steps: FIRST,
  },
  {
    name: 'a migration',
    prepare: (folder) => {
      copyFileSync(OLD_FILE, join(folder, 'tasks.sqlite'))
      chmodSync(join(folder, 'tasks.sqlite'), 0o600)
    },
    steps: [OPEN, SAVE, CLOSE],
  },
  {
    name: 'backup',
    prepare: (folder) => {
      prepareStore(folder)
      mkdirSync(join(folder, 'copies'))
    },
    steps: [
      OPEN,
      SAVE,
      {
        name: 'backup',
        run: (site) => site.store.backup(site.path('copies/one.sqlite')),
        copy: 'copies/one.sqlite',
      },
      SAVE,
      {
        name: 'backup that replaces',
        run: (site) => site.store.backup(site.path('copies/one.sqlite'), { replace: true }),
        copy: 'copies/one.sqlite',
      },
      CLOSE,
    ],
  },
  {
    name: 'exportFile',
    prepare: (folder) => {
      prepareStore(folder)
      mkdirSync(join(folder, 'copies'))
    },
    steps: [
      OPEN,
      SAVE,
      { name: 'exportFile', run: (site) => site.store.exportFile(site.path('copies/one.jsonl')) },
      SAVE,
      {
        name: 'exportFile that replaces',
        run: (site) => site.store.exportFile(site.path('copies/one.jsonl'), { replace: true }),
      },
      CLOSE,
    ],
  },
  {
    name: 'importFile',
    prepare: (folder) => {
      prepareStore(folder)
      fill(join(folder, 'other/source.sqlite'), 'read', 130, (store) => {
        store.exportFile(join(folder, 'other/tasks.jsonl'))
      })
    },
    steps: [
      OPEN,
      {
        name: 'importFile',
        isInBatches: true,
        run: (site) => site.store.importFile(site.path('other/tasks.jsonl')),
      },
      SAVE,
      CLOSE,
    ],
  },
  {
    name: 'mergeFile',
    prepare: (folder) => {
      prepareStore(folder)
      fill(join(folder, 'other/source.sqlite'), 'read', 130)
    },
    steps: [
      OPEN,
      {
        name: 'mergeFile',
        isInBatches: true,
        run: (site) => site.store.mergeFile(site.path('other/source.sqlite')),
      },
      SAVE,
      CLOSE,
    ],
  },
  {
    name: 'repair',
    prepare: (folder) => {
      prepareStore(folder)
      const database = new Database(join(folder, 'tasks.sqlite'))
      database.pragma('foreign_keys = OFF')
      database.prepare('DELETE FROM tasks WHERE task_id IN (?, ?)').run(idOf('task', 0), idOf('task', 1))
      const index = "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'uniqc%'"
      for (const name of database.prepare(index).pluck().all()) database.exec(`DROP INDEX ${name}`)
      database.close()
    },
    steps: [
      OPEN,
      // From here on SQLite has no more reason to sync the folder.
      SAVE,
      { name: 'repair', run: ({ store }) => store.repair(store.check().findings) },
      SAVE,
      CLOSE,
    ],
  },
  {
    name: 'restoreBackup into a store',
    prepare: (folder) => {
      prepareStore(folder)
      prepareBackup(folder)
    },
    steps: [RESTORE, OPEN, SAVE, RESTORE, SAVE, CLOSE, RESTORE],
  },
  {
    name: 'restoreBackup where there is no file',
    prepare: prepareBackup,
    steps: [RESTORE, ...AFTER_RESTORE],
  },
  {
    name: 'restoreBackup into a folder that is to be made',
    file: 'cache/uniqc/tasks.sqlite',
    prepare: prepareBackup,
    steps: [RESTORE, ...AFTER_RESTORE],
  },
  {
    name: 'restoreBackup over a damaged file',
    prepare: (folder) => {
      prepareBackup(folder)
      writeFileSync(join(folder, 'tasks.sqlite'), Buffer.alloc(8192, 'damaged'), { mode: 0o600 })
      writeFileSync(join(folder, 'tasks.sqlite-wal'), Buffer.alloc(4096, 'log'), { mode: 0o600 })
    },
    steps: [RESTORE, ...AFTER_RESTORE],
  },
  {
    name: 'restoreBackup beside a left-over log',
    prepare: (folder) => {
      prepareBackup(folder)
      const other = join(folder, 'other.sqlite')
      fill(other, 'older', LIVE)
      const store = new TaskStore({ file: other })
      store.saveMany(Array.from({ length: LIVE }, (_, i) => taskOf(idOf('late', i), i)))
      // Before it is written into the file.
      copyFileSync(`${other}-wal`, join(folder, 'tasks.sqlite-wal'))
      store.close()
    },
    weight: 0.1,
    steps: [RESTORE],
  },
]

/** Opens what a power cut has left. */
export const REOPENING: Workload = {
  name: 'opening after a power cut',
  prepare: () => {},
  steps: [OPEN, SAVE, CLOSE],
}

export function findWorkload(name: string): Workload {
  const found = [...WORKLOADS, REOPENING].find((workload) => workload.name === name)
  if (found === undefined) throw new Error(`there is no workload ${name}`)
  return found
}
