// Compiled, never run: what a user's program may and may not write.
import { eq } from 'drizzle-orm'
import {
  type AnyStatus,
  type ArchivedTaskInfo,
  ArgumentError,
  type BackupReport,
  countsOf,
  countsPerCircuit,
  type Finding,
  fromJson,
  type InvalidField,
  type JsonObject,
  type JsonValue,
  type ListedSummary,
  type ListedTask,
  type NewTaskInfo,
  type Page,
  parseListQuery,
  probabilitiesOf,
  type TaskInfo,
  type TaskListOptions,
  TaskPersistence,
  type TaskRecord,
  type TaskShard,
  type TaskStatus,
  TaskStore,
  TaskStoreError,
  type TERMINAL_STATUSES,
  toJson,
} from 'uniqc-task-store'
import { type archivedTasks, type taskShards, tasks } from 'uniqc-task-store/schema'
import { WorkerTaskStore, type WorkerTransaction } from 'uniqc-task-store/worker'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <_T extends true>() => undefined

holds<
  Equal<
    TaskInfo,
    {
      taskId: string
      backend: string
      status: AnyStatus
      shots: number
      submitTime: string
      updateTime: string
      result: JsonValue | null
      metadata: JsonObject
      errorMessage: string | null
    }
  >
>()
holds<Equal<TaskStatus, 'pending' | 'running' | 'success' | 'failed' | 'cancelled'>>()
holds<Equal<typeof tasks.$inferSelect, TaskInfo>>()
holds<Equal<(typeof TERMINAL_STATUSES)[number], 'success' | 'failed' | 'cancelled'>>()
holds<Equal<typeof taskShards.$inferSelect.uniqcTaskId, string>>()
holds<Equal<typeof archivedTasks.$inferSelect.archivedAt, string>>()

const store = new TaskStore({ file: ':memory:', timeout: 100, synchronous: 'NORMAL' })
const task: NewTaskInfo = { taskId: 'a', backend: 'b', status: 'running' }
holds<Equal<ReturnType<typeof store.save>, TaskInfo>>()
holds<Equal<ReturnType<typeof store.get>, TaskInfo | undefined>>()
store.save({ ...task, result: [1n, null, { a: Number.NaN }] }, { keepUpdateTime: true })
store.saveMany(new Set([task]))
store.update('a', { status: 'success', metadata: { a: 1 } }, { ifStatus: ['running'], ifUpdateTime: 'x' })
const total: number = store.countByStatus({ platform: 'originq' }).pending
const joined: number = store.transaction(() => total)
const rows: TaskInfo[] = store.db.select().from(tasks).where(eq(tasks.status, 'running')).all()

const shard: TaskShard = store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p' }, { refreshTask: true })
store.saveShard({ ...shard, status: 'success', result: [1n] })
holds<Equal<ReturnType<typeof store.getShards>, TaskShard[]>>()
holds<Equal<ReturnType<typeof store.archive.list>, ArchivedTaskInfo[]>>()
holds<Equal<ReturnType<typeof store.archive.archive>, boolean>>()
const moved: readonly string[] = store.archive.archiveOlderThan({ hours: 1, dryRun: true }).archived
const listed: TaskInfo[] = store.list({ archived: 'both', limit: 1, after: store.page({ limit: 1 }).next })
for (const each of store.iterate()) holds<Equal<typeof each, ListedTask>>()
const hasResult: boolean | undefined = store.listSummaries()[0]?.hasResult
const problems: readonly Finding[] = store.check({ pendingDays: 1 }).findings
const unrepaired: number = store.repair(problems).unrepaired.length
const { signal } = new AbortController()
const steps: number[] = []
store.saveMany([task], {
  keepUpdateTime: true,
  signal,
  onProgress: ({ done, total = 0 }) => steps.push(done, total),
})
store.clearAll({ signal, onProgress: ({ done }) => steps.push(done) })
store.archive.archiveMany(['a'], { onConflict: 'live', signal, onProgress: ({ done }) => steps.push(done) })
store.check({ signal, onProgress: ({ tasks, shards }) => steps.push(tasks, shards) })
store.mergeFile('x', { signal, onProgress: ({ conflicts }) => steps.push(conflicts) })
TaskStore.restoreBackup('x', { file: 'y', signal, onProgress: ({ tasks }) => steps.push(tasks) })
// @ts-expect-error a controller is not its signal
store.clearAll({ signal: new AbortController() })
const made: Promise<BackupReport> = store.backup('x', { onProgress: ({ remainingPages }) => remainingPages })
console.log(moved, listed, hasResult, unrepaired, made)

const persistence = new TaskPersistence(store)
persistence.save('a', 'originq', 'running', null, { shots: 1, anything: 2 })
persistence.save({ task_id: 'a', platform: 'originq', status: 'running', anything: 2 })
persistence.upsert({ task_id: 'a', note: 1 })
const record: TaskRecord | undefined = persistence.load('a')
if (record !== undefined) persistence.save(record)

holds<Equal<ReturnType<typeof parseListQuery>, TaskListOptions>>()
const page = fromJson<Page<ListedTask>>(toJson(store.page(parseListQuery(new URLSearchParams()))))
holds<Equal<typeof page.items, ListedTask[]>>()
const counts: [string, number][] | undefined = countsOf(store.get('a')?.result)
const probabilities: [string, number][] | undefined = probabilitiesOf(counts && Object.fromEntries(counts))
const perCircuit: ([string, number][] | null)[] = countsPerCircuit(shard.result)
console.log(probabilities, perCircuit)
store.save({ ...task, result: fromJson('{"00":512}') })

// @ts-expect-error a status that a write does not take
store.save({ ...task, status: 'done' })
// @ts-expect-error no backend
store.save({ taskId: 'a', status: 'running' })
// @ts-expect-error a field that does not exist
store.update('a', { platform: 'x' })
// @ts-expect-error an option that does not exist
store.list({ limt: 1 })
// @ts-expect-error an option that does not exist
new TaskStore({ readOnly: true })
// @ts-expect-error the index of a new shard is not the caller's to give
store.addShard({ uniqcTaskId: 'a', platformTaskId: 'p', shardIndex: 1 })
// @ts-expect-error a shard is saved at an index
store.saveShard({ uniqcTaskId: 'a', platformTaskId: 'p' })
// @ts-expect-error a side that does not exist
store.archive.restore('a', { onConflict: 'newer' })
// @ts-expect-error a summary has no result
store.listSummaries()[0]?.result
// @ts-expect-error a record needs a platform
persistence.save({ task_id: 'a', status: 'running' })
// @ts-expect-error two places
store.save(task, true)

export function describe(error: unknown): string {
  if (error instanceof ArgumentError) {
    holds<Equal<typeof error.code, 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE'>>()
    return error.argument
  }
  if (!(error instanceof TaskStoreError)) return `${joined} ${rows.length}`
  // @ts-expect-error a code that does not exist
  if (error.code === 'OOPS') return 'never'
  holds<Equal<typeof error.invalid, InvalidField | undefined>>()
  if (error.code === 'INVALID_TASK') {
    holds<Equal<typeof error.invalid, InvalidField>>()
    return error.invalid.field + (error.invalid.taskId ?? '')
  }
  holds<Equal<typeof error.invalid, undefined>>()
  switch (error.code) {
    case 'LOCKED':
    case 'CLOSED':
      return error.message
    default:
      // @ts-expect-error a code that was asked for already
      return error.code === 'LOCKED' ? 'never' : error.name
  }
}

/** A result as a caller declares it: without an index, and with what may be missing. */
interface Measured {
  readonly counts: Readonly<Record<string, number>>
  readonly note?: string
}
const measured: Measured = { counts: { '00': 512 } }
const unknownResult: unknown = measured
store.save({ ...task, result: measured, submitTime: new Date(), updateTime: '2026-01-01' })
store.update('a', { result: unknownResult, submitTime: new Date() })
store.saveShard({ ...shard, result: measured, status: 'success', submitTime: new Date() })
store.saveMany([{ ...task, result: [measured] }])

// The statuses of UnifiedQuantum are completed, and any other can be asked for.
holds<Equal<AnyStatus, TaskStatus | (string & Record<never, never>)>>()
holds<Equal<typeof shard.status, AnyStatus>>()
const anyStatus: string = store.get('a')?.status ?? 'queued'
store.list({ status: ['success', 'queued', anyStatus] })
store.count({ status: anyStatus })
store.update('a', { shots: 1 }, { ifStatus: 'queued' })
store.clearCompleted('queued')
store.archive.archiveOlderThan({ hours: 1, statuses: ['queued'], by: 'updateTime' })
persistence.listAll({ status: 'queued' })
TaskStore.aggregateStatus([{ status: anyStatus }])

const lists: AsyncGenerator<ListedSummary[]> = store.watch(
  { limit: 5 },
  { interval: 100, signal: new AbortController().signal },
)
const ids: readonly string[] = store.findIds('uqt_', { archived: 'both', limit: 5 })
const pending: readonly string[] = TaskStore.pendingMigrations({ file: 'x', create: false })
console.log(lists, ids, pending)

const many: (TaskInfo | undefined)[] = store.getMany(['a', 'b'])
const byBackend: Record<string, number> = store.countByBackend({ status: 'success' })
const archivedRunning: number = store.archive.countByStatus().running
const summaryPage: Page<ListedSummary> = store.pageSummaries({ limit: 1 })
console.log(many, byBackend, archivedRunning, summaryPage)

// @ts-expect-error a task is stored under a status of the five
store.save({ ...task, status: anyStatus })
// @ts-expect-error a time is a text or a Date
store.save({ ...task, submitTime: 5 })
// @ts-expect-error a time that a task does not have
store.archive.archiveOlderThan({ hours: 1, by: 'archivedAt' })

export async function inThread(): Promise<void> {
  const inThread = await WorkerTaskStore.open({ file: ':memory:', transactionTimeout: 100 })
  holds<Equal<ReturnType<typeof inThread.get>, Promise<TaskInfo | undefined>>>()
  holds<Equal<ReturnType<typeof inThread.archive.count>, Promise<number>>>()
  for await (const each of inThread.iterate({ limit: 1 })) holds<Equal<typeof each, ListedTask>>()
  async function* tasks() {
    yield task
  }
  const saved: number = await inThread.saveMany(tasks(), { onProgress: ({ done }) => done })
  const inside = async (tx: WorkerTransaction) => (await tx.count()) + saved
  holds<Equal<Awaited<ReturnType<typeof inThread.transaction<number>>>, number>>()
  await inThread.transaction(inside, { retries: 1 })
  const persistence = new TaskPersistence(inThread)
  holds<Equal<ReturnType<typeof persistence.load>, Promise<TaskRecord | undefined>>>()
  // @ts-expect-error tx has no close
  await inThread.transaction((tx) => tx.close())
  // @ts-expect-error a connection cannot cross
  await WorkerTaskStore.open({ database: store.db.$client })
  // @ts-expect-error it has no handle of the database
  inThread.db
  await inThread.close()
}
