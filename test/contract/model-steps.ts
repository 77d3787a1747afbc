import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  type ArchiveMoveResult,
  type ListedTask,
  type NewTaskInfo,
  type Page,
  type TaskInfo,
  type TaskListOptions,
  type TaskRecord,
  type TaskRecordChanges,
  type TaskShard,
  TaskStoreError,
} from 'uniqc-task-store'
import { type AnyStore, persistenceOf } from '../support/any-store.ts'
import { drain, type Work, wait } from '../support/work.ts'
import {
  backend,
  changes,
  ENDED,
  extra,
  filter,
  flag,
  id,
  ids,
  listOptions,
  newId,
  oldId,
  onConflict,
  pair,
  platformId,
  record,
  recordFilter,
  STATUSES,
  shardFields,
  shardOptions,
  shortForm,
  some,
  status,
  statuses,
  task,
  time,
  toRecord,
  upsertable,
} from './model-values.ts'
import { isTime, type ModelTask, Refused, type TaskModel } from './task-model.ts'

/** A store and what it should hold. */
export interface Side {
  readonly name: string
  store: AnyStore
  /** With the same tasks. */
  second: AnyStore
  model: TaskModel
}

export interface World {
  /** What the clock is set from. */
  readonly start: number
  readonly main: Side
  readonly other: Side
  readonly exported: string
  /** What the export holds. */
  copies: readonly ModelTask[] | undefined
}

/** A call on a side, which checks its answer. */
export interface Step {
  readonly label: string
  run(side: Side, world: World): Work<void>
}

/** A call, or several calls that wait for each other. */
type Ask<Args extends unknown[]> = (store: AnyStore, ...args: Args) => unknown

function* answerOf(value: unknown): Work<unknown> {
  return isWork(value) ? yield* value : yield* wait(value)
}

const isWork = (value: unknown): value is Work<unknown> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value

/** A task may be both live and archived. */
const keyOf = ({ taskId, archivedAt = null }: ListedTask) => `${archivedAt === null} ${taskId}`

/** What a call returns, or the code of the error that it throws. */
export function* outcome(call: () => unknown): Work<{ readonly value?: unknown; readonly code?: string }> {
  try {
    return { value: yield* answerOf(call()) }
  } catch (error) {
    if (error instanceof TaskStoreError || error instanceof Refused) return { code: error.code }
    if (error instanceof TypeError) return { code: 'TypeError' }
    throw error
  }
}

/** Fills in the times that the store stamped, each checked against what the model expects of it. */
function fillIn(actual: object | undefined, expected: object): void {
  for (const [name, value] of Object.entries(expected)) {
    if (typeof value !== 'string' || !value.startsWith('stamp ')) continue
    const shown = String(actual?.[name as keyof typeof actual])
    assert.ok(isTime(shown, value), `${name} is ${shown}, not ${value}`)
    Object.assign(expected, { [name]: shown })
  }
}

export function* assertHolds(store: AnyStore, model: TaskModel): Work<void> {
  const tasks = yield* wait(store.list({ archived: 'both' }))
  for (const row of [...model.live, ...model.archived]) {
    const { taskId } = row.task
    const isLive = model.live.includes(row)
    const listed = tasks.find((found) => found.taskId === taskId && (found.archivedAt === null) === isLive)
    fillIn(listed, row.task)
    if (row.archivedAt !== null) fillIn(listed, row)
    const shards: readonly TaskShard[] = isLive
      ? yield* wait(store.getShards(taskId))
      : yield* wait(store.archive.getShards(taskId))
    row.shards.forEach((shard, index) => {
      fillIn(shards[index], shard)
    })
    const { archivedAt } = row
    const expected = isLive ? row.shards : row.shards.map((shard) => ({ ...shard, archivedAt }))
    assert.deepEqual(shards, expected, `the shards of ${taskId}`)
  }
  const expected = model.list({ archived: 'both' })
  if (model.isOneOrder) assert.deepEqual(tasks, expected)
  else assert.deepEqual(byPlace(tasks), byPlace(expected))
}

/** The live tasks in their order, and then the archived ones in theirs. */
const byPlace = (tasks: readonly ListedTask[]) =>
  [true, false].map((isLive) => tasks.filter(({ archivedAt }) => (archivedAt === null) === isLive))

/** A call that answers as the model does, and after which the store holds what the model holds. */
export const call = (
  label: string,
  ask: Ask<[world: World]>,
  expect: (model: TaskModel, world: World) => unknown,
): Step => ({
  label,
  *run(side, world) {
    const answer = yield* outcome(() => ask(side.store, world))
    const expected = yield* outcome(() => side.model.attempt(() => expect(side.model, world)))
    yield* assertHolds(side.store, side.model)
    assert.deepEqual(answer, expected)
  },
})

/** Steps that call one method with generated arguments. */
const calls = <Args extends unknown[]>(
  name: string,
  args: fc.Arbitrary<Args>,
  ask: Ask<Args>,
  expect: (model: TaskModel, ...args: Args) => unknown,
): fc.Arbitrary<Step> =>
  args.map((given) =>
    call(
      `${name}(${given.map((value) => fc.stringify(value)).join(', ')})`,
      (store) => ask(store, ...structuredClone(given)),
      (model) => expect(model, ...structuredClone(given)),
    ),
  )

const summaryOf = ({ result, metadata: _, ...listed }: ReturnType<TaskModel['list']>[number]) => ({
  ...listed,
  hasResult: result !== null,
})

/** Every page of a list, one after the other. */
function* allPages(store: AnyStore, options: TaskListOptions): Work<TaskInfo[]> {
  const items: TaskInfo[] = []
  for (let after: string | undefined; ; ) {
    const page: Page<ListedTask> = yield* wait(store.page({ ...options, after, limit: 2 }))
    items.push(...page.items)
    if (page.next === undefined) return items
    after = page.next
  }
}

const countBy = (model: TaskModel, options: TaskListOptions) =>
  Object.fromEntries(
    STATUSES.map((name) => [name, model.list(options).filter((row) => row.status === name).length]),
  )

/** A task as the flat record that UnifiedQuantum shows. */
function flat(found: TaskInfo | undefined): TaskRecord | undefined {
  return (
    found && {
      ...found.metadata,
      ...(found.shots !== 0 && { shots: found.shots }),
      ...(found.errorMessage !== null &&
        !Object.hasOwn(found.metadata, 'error_message') && { error_message: found.errorMessage }),
      task_id: found.taskId,
      platform: found.backend,
      status: found.status,
      result: found.result,
      submit_time: found.submitTime,
      update_time: found.updateTime,
    }
  )
}

const FIELDS = {
  task_id: 'taskId',
  platform: 'backend',
  status: 'status',
  result: 'result',
  shots: 'shots',
  submit_time: 'submitTime',
  update_time: 'updateTime',
  error_message: 'errorMessage',
} as const

function unflat(record: TaskRecordChanges): NewTaskInfo {
  const entries = Object.entries(record)
  const isError = (key: string, value: unknown) => key === 'error_message' && value !== null
  const metadata = entries.filter(([key, value]) => !Object.hasOwn(FIELDS, key) || isError(key, value))
  const fields = entries.filter(([key]) => Object.hasOwn(FIELDS, key))
  return {
    ...Object.fromEntries(fields.map(([key, value]) => [FIELDS[key as keyof typeof FIELDS], value])),
    metadata: Object.fromEntries(metadata),
  } as unknown as NewTaskInfo
}

function updateRecord(model: TaskModel, taskId: string, record: TaskRecordChanges): boolean {
  const keepUpdateTime = record.update_time !== undefined
  const updated = model.update(taskId, unflat(record), { keepUpdateTime })
  if (record.error_message === null) delete updated?.metadata.error_message
  return updated !== undefined
}

function upsertRecord(model: TaskModel, record: TaskRecordChanges & { readonly task_id: string }): void {
  const { task_id, ...others } = record
  if (updateRecord(model, task_id, others)) return
  if (record.platform === undefined || record.status === undefined) throw new Refused('INVALID_TASK')
  model.save(unflat(record), true)
}

export const update = calls(
  'update',
  fc.tuple(id, changes, some({ ifStatus: statuses, ifUpdateTime: time, keepUpdateTime: flag })),
  (store, ...args) => store.update(...args),
  (model, ...args) => model.update(...args),
)

export const WRITES: readonly fc.Arbitrary<Step>[] = [
  calls(
    'save',
    pair(task, some({ keepUpdateTime: flag })),
    (store, given, options) => store.save(given, options),
    (model, given, options) => model.save(given, options.keepUpdateTime),
  ),
  calls(
    'saveMany',
    pair(fc.array(task, { maxLength: 4 }), some({ keepUpdateTime: flag })),
    (store, given, options) => store.saveMany(given, options),
    (model, given, options) => {
      for (const one of given) model.save(one, options.keepUpdateTime)
      return given.length
    },
  ),
  id.map((taskId) => ({
    label: `update(${taskId}, { shots }, { ifUpdateTime: its own })`,
    *run(side, world) {
      const { value } = yield* outcome(() => side.model.find(side.model.live, taskId))
      const ifUpdateTime = (value as ModelTask | undefined)?.task.updateTime
      const { run } = call(
        '',
        (store) => store.update(taskId, { shots: 5 }, { ifUpdateTime }),
        (model) => model.update(taskId, { shots: 5 }, { ifUpdateTime }),
      )
      yield* run(side, world)
    },
  })),
  calls(
    'delete',
    fc.tuple(id),
    (store, taskId) => store.delete(taskId),
    (model, taskId) => model.delete(model.live, taskId),
  ),
  calls(
    'addShard',
    pair(
      fc.record(
        { uniqcTaskId: id, platformTaskId: platformId, ...shardFields },
        { requiredKeys: ['uniqcTaskId', 'platformTaskId'] },
      ),
      shardOptions,
    ),
    (store, shard, options) => store.addShard(shard, options),
    (model, shard, options) => model.saveShard(shard, options),
  ),
  calls(
    'saveShard',
    pair(
      fc.record(
        { uniqcTaskId: id, shardIndex: fc.constantFrom(0, 1, 4), platformTaskId: platformId, ...shardFields },
        { requiredKeys: ['uniqcTaskId', 'shardIndex', 'platformTaskId'] },
      ),
      shardOptions,
    ),
    (store, shard, options) => store.saveShard(shard, options),
    (model, shard, options) => model.saveShard(shard, options),
  ),
  calls(
    'archive.archive',
    pair(id, onConflict),
    (store, taskId, options) => store.archive.archive(taskId, options),
    (model, taskId, options) => model.move(taskId, 'archived', options.onConflict),
  ),
  calls(
    'archive.restore',
    pair(id, onConflict),
    (store, taskId, options) => store.archive.restore(taskId, options),
    (model, taskId, options) => model.move(taskId, 'live', options.onConflict),
  ),
  calls(
    'archive.archiveMany',
    pair(ids, onConflict),
    function* (store, taskIds, options) {
      return withoutErrors(yield* wait(store.archive.archiveMany(taskIds, options)))
    },
    (model, taskIds, options) => model.moveMany(taskIds, 'archived', options.onConflict),
  ),
  calls(
    'archive.restoreMany',
    pair(ids, onConflict),
    function* (store, taskIds, options) {
      return withoutErrors(yield* wait(store.archive.restoreMany(taskIds, options)))
    },
    (model, taskIds, options) => model.moveMany(taskIds, 'live', options.onConflict),
  ),
  calls(
    'persistence.save',
    fc.tuple(record),
    (store, given) => persistenceOf(store).save(given),
    (model, given) => void model.save(unflat(given), true),
  ),
  calls(
    'persistence.save of arguments',
    shortForm,
    (store, ...given) => persistenceOf(store).save(...given),
    (model, ...given) => void model.save(unflat(toRecord(given)), true),
  ),
  calls(
    'persistence.update',
    pair(id, fc.oneof(extra, some({ platform: backend, status, task_id: id }))) as fc.Arbitrary<
      [string, TaskRecordChanges]
    >,
    (store, ...args) => persistenceOf(store).update(...args),
    updateRecord,
  ),
  calls(
    'persistence.upsert',
    fc.tuple(upsertable),
    (store, given) => persistenceOf(store).upsert(given),
    upsertRecord,
  ),
  calls(
    'persistence.upsert of arguments',
    shortForm,
    (store, ...given) => persistenceOf(store).upsert(...given),
    (model, ...given) => upsertRecord(model, toRecord(given)),
  ),
]

/** A task as the version 5 step leaves it: its old id is in its metadata and on its shard. */
export const upgraded = fc
  .record({
    uniqcTaskId: newId,
    oldId,
    backend,
    status,
    submitTime: time,
  })
  .map(({ uniqcTaskId, oldId, ...fields }): Step => {
    const saved = { ...fields, taskId: uniqcTaskId, metadata: { legacy_platform_id: oldId } }
    const shard = { uniqcTaskId, shardIndex: 0, platformTaskId: oldId }
    return {
      label: `a task upgraded from ${oldId}: ${fc.stringify(saved)}`,
      *run(side, world) {
        const save = call(
          '',
          (store) => store.save(saved),
          (model) => model.save(saved),
        )
        const saveShard = call(
          '',
          (store) => store.saveShard(shard),
          (model) => model.saveShard(shard, {}),
        )
        yield* save.run(side, world)
        yield* saveShard.run(side, world)
      },
    }
  })

export const RARE_WRITES: readonly fc.Arbitrary<Step>[] = [
  calls(
    'clearCompleted',
    fc.tuple(fc.option(statuses, { nil: undefined })),
    (store, given) => store.clearCompleted(given),
    (model, given) => model.clear([given ?? ENDED].flat()),
  ),
  calls(
    'persistence.clearCompleted',
    fc.constant<[]>([]),
    (store) => persistenceOf(store).clearCompleted(),
    (model) => model.clear(ENDED),
  ),
  calls(
    'clearAll',
    fc.constant<[]>([]),
    (store) => store.clearAll(),
    (model) => model.clear(),
  ),
  calls(
    'deleteShards',
    fc.tuple(id),
    (store, taskId) => store.deleteShards(taskId),
    (model, taskId) => model.find(model.live, taskId)?.shards.splice(0).length ?? 0,
  ),
  calls(
    'persistence.delete',
    fc.tuple(id),
    (store, taskId) => persistenceOf(store).delete(taskId),
    (model, taskId) => model.delete(model.live, taskId),
  ),
  calls(
    'archive.delete',
    fc.tuple(id),
    (store, taskId) => store.archive.delete(taskId),
    (model, taskId) => model.delete(model.archived, taskId),
  ),
  calls(
    'archive.deleteMany',
    fc.tuple(ids),
    function* (store, taskIds) {
      return withoutErrors(yield* wait(store.archive.deleteMany(taskIds)))
    },
    (model, taskIds) => model.deleteMany(taskIds),
  ),
  calls(
    'archive.archiveOlderThan',
    pair(
      fc.constantFrom(0, 24, 48),
      some({
        statuses,
        dryRun: flag,
        onConflict: fc.constantFrom<'throw' | 'live' | 'archived'>('throw', 'live', 'archived'),
      }),
    ),
    (store, hours, options) => store.archive.archiveOlderThan({ hours, ...options, timeZone: 'UTC' }),
    (model, hours, options) => model.archiveOlderThan({ hours, ...options }),
  ),
]

function withoutErrors(reports: readonly ArchiveMoveResult[]) {
  return reports.map(({ error, ...report }) => {
    const code = { conflict: 'CONFLICT', 'ambiguous-id': 'AMBIGUOUS_ID' }[report.outcome as string]
    assert.equal(error?.code, code)
    return report
  })
}

/** A call that is refused by an error of this code. */
export type RefusedCall = readonly [label: string, ask: Ask<[world: World]>, code: string]

export const REFUSED: readonly RefusedCall[] = [
  [
    'save of a status that is none',
    (store) => store.save({ taskId: 'old-1', backend: 'b', status: 'done' as 'failed' }),
    'INVALID_TASK',
  ],
  ['update to half a shot', (store) => store.update('old-1', { shots: 0.5 }), 'INVALID_TASK'],
  [
    'saveMany whose last task has no backend',
    (store) =>
      store.saveMany([{ taskId: 'made-up', backend: 'b', status: 'failed' }, { taskId: 'x' } as NewTaskInfo]),
    'INVALID_TASK',
  ],
  [
    'addShard with a function',
    (store) => store.addShard({ uniqcTaskId: 'old-1', platformTaskId: 'p', result: (() => 1) as never }),
    'INVALID_TASK',
  ],
  [
    'upsert of a lone surrogate',
    (store) => persistenceOf(store).upsert('old-1', '\ud800', 'failed'),
    'INVALID_TASK',
  ],
  ['list with an unknown option', (store) => store.list({ state: 'failed' } as TaskListOptions), 'TypeError'],
  ['importFile of no file', (store, { exported }) => store.importFile(`${exported}.none`), 'CANNOT_OPEN'],
]

export const READS: readonly fc.Arbitrary<Step>[] = [
  calls(
    'get',
    fc.tuple(id),
    function* (store, taskId) {
      return [yield* wait(store.get(taskId)), yield* wait(persistenceOf(store).load(taskId))]
    },
    (model, taskId) => {
      const found = model.find(model.live, taskId)?.task
      return [found, flat(found)]
    },
  ),
  calls(
    'archive.get and getShards',
    fc.tuple(id),
    function* (store, taskId) {
      return [yield* wait(store.archive.get(taskId)), yield* wait(store.archive.getShards(taskId))]
    },
    (model, taskId) => {
      const found = model.find(model.archived, taskId)
      const archivedAt = found?.archivedAt
      return [
        found && { ...found.task, archivedAt },
        (found?.shards ?? []).map((shard) => ({ ...shard, archivedAt })),
      ]
    },
  ),
  calls(
    'getShards',
    fc.tuple(id),
    (store, taskId) => store.getShards(taskId),
    (model, taskId) => model.find(model.live, taskId)?.shards ?? [],
  ),
  calls(
    'findShards',
    pair(platformId, some({ backend })),
    function* (store, ...args) {
      // In the order of the model, which does not know the oldest.
      const found = yield* wait(store.findShards(...args))
      const order = (a: TaskShard, b: TaskShard) =>
        a.uniqcTaskId < b.uniqcTaskId ? -1 : a.uniqcTaskId > b.uniqcTaskId ? 1 : a.shardIndex - b.shardIndex
      return found.toSorted(order)
    },
    (model, platformTaskId, options) => model.shardsWith(platformTaskId, options.backend),
  ),
  calls(
    'list, listSummaries and iterate',
    fc.tuple(listOptions),
    function* (store, options) {
      return [
        yield* wait(store.list(options)),
        yield* wait(store.listSummaries(options)),
        yield* drain(store.iterate(options)),
      ]
    },
    (model, options) => [model.list(options), model.list(options).map(summaryOf), model.list(options)],
  ),
  calls(
    'page',
    fc.tuple(listOptions),
    (store, { limit: _limit, offset: _offset, ...options }) => allPages(store, options),
    (model, { limit: _limit, offset: _offset, ...options }) => model.list(options),
  ),
  calls(
    'archive.list',
    fc.tuple(listOptions),
    (store, { archived: _, ...options }) => store.archive.list(options),
    (model, options) => model.list({ ...options, archived: true }),
  ),
  calls(
    'count',
    fc.tuple(filter),
    function* (store, options) {
      return [
        yield* wait(store.count(options)),
        yield* wait(store.countByStatus(options)),
        yield* wait(store.archive.count(options)),
      ]
    },
    (model, options) => [
      model.list(options).length,
      countBy(model, options),
      model.list({ ...options, archived: true }).length,
    ],
  ),
  calls(
    'persistence.listAll and count',
    pair(recordFilter, some({ limit: fc.integer({ min: -1, max: 3 }) })),
    function* (store, options, limit) {
      return [
        yield* wait(persistenceOf(store).listAll({ ...options, ...limit })),
        yield* wait(persistenceOf(store).count(options)),
      ]
    },
    (model, options, limit) => [model.list({ ...options, ...limit }).map(flat), model.list(options).length],
  ),
  calls(
    'persistence.listPending and listByPlatform',
    fc.tuple(fc.constantFrom('originq', 'ibm')),
    function* (store, platform) {
      return [
        yield* wait(persistenceOf(store).listPending()),
        yield* wait(persistenceOf(store).listByPlatform(platform)),
      ]
    },
    (model, platform) => [
      [...model.list({ status: 'pending' }), ...model.list({ status: 'running' })].map(flat),
      model.list({ platform }).map(flat),
    ],
  ),
]

export const FILES: readonly fc.Arbitrary<Step>[] = [
  filter.chain((given) =>
    fc.constantFrom<boolean | 'both'>(true, false, 'both', 'both', 'both').map(
      (archived): Step => ({
        label: `exportFile(${fc.stringify({ ...given, archived })})`,
        *run(side, world) {
          const isWanted = (row: ModelTask) =>
            side.model
              .list({ ...given, archived })
              .some(
                (listed: ListedTask) => keyOf(listed) === keyOf({ ...row.task, archivedAt: row.archivedAt }),
              )
          const copies = structuredClone([...side.model.live, ...side.model.archived].filter(isWanted))
          world.copies = copies
          const { run } = call(
            '',
            (store) => store.exportFile(world.exported, { ...given, archived, replace: true }),
            () => ({ tasks: copies.length, shards: copies.flatMap(({ shards }) => shards).length }),
          )
          yield* run(side, world)
        },
      }),
    ),
  ),
  some({ overwrite: flag }).map(
    (options): Step => ({
      label: `importFile(${fc.stringify(options)})`,
      *run(side, world) {
        const { copies, exported } = world
        if (copies === undefined) return
        function* ask(store: AnyStore, dryRun: boolean) {
          const report = yield* wait(store.importFile(exported, { ...options, dryRun, timeZone: 'UTC' }))
          const { files, skipped, ...counts } = report
          assert.deepEqual(files, [exported])
          return { ...counts, skipped: skipped.map(({ taskId }) => taskId) }
        }
        const { run } = call(
          '',
          function* (store) {
            return [yield* ask(store, true), yield* ask(store, false)]
          },
          (model) => {
            const dry = model.copy().importTasks(copies, options.overwrite ?? false)
            return [dry, model.importTasks(copies, options.overwrite ?? false)]
          },
        )
        yield* run(side, world)
      },
    }),
  ),
]
