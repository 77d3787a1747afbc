// Compiled, never run: what a user's program may and may not write.
import { eq } from 'drizzle-orm'
import {
  type ArchivedTaskInfo,
  ArgumentError,
  type BackupReport,
  countsOf,
  countsPerCircuit,
  type Finding,
  fromJson,
  type JsonObject,
  type JsonValue,
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

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <_T extends true>() => undefined

holds<
  Equal<
    TaskInfo,
    {
      taskId: string
      backend: string
      status: string
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
// @ts-expect-error a value that JSON cannot hold
store.save({ ...task, result: new Map() })
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
  return error.code === 'INVALID_TASK' ? (error.invalid?.field ?? '') : error.message
}
