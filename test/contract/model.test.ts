// UNIQC_MODEL_SEQUENCES: how many random sequences of calls are run. Default 50, in some 10 s.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import {
  type JsonObject,
  type ListedTask,
  type NewTaskInfo,
  type NewTaskRecord,
  type TaskInfo,
  type TaskListOptions,
  TaskPersistence,
  type TaskRecord,
  type TaskRecordChanges,
  TaskStore,
  TaskStoreError,
} from 'uniqc-task-store'
import { assertSound } from '../support/sound-file.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { isTime, type ModelTask, Refused, TaskModel } from './task-model.ts'

const SEQUENCES = Number(process.env.UNIQC_MODEL_SEQUENCES ?? 50)
const CALLS = 120

const START = Date.UTC(2026, 4, 3)
const HOUR = 3_600_000

/** Small pools, so that calls meet. */
const IDS = ['old-1', 'old-2', `uqt_${'0'.repeat(32)}`, 'uqt_x']
const PLATFORM_IDS = ['old-1', 'old-2', 'job-1', 'job-2']
const BACKENDS = ['originq', 'originq:WK_C180', 'originq-x', 'ibm:fez']
const STATUSES = ['pending', 'running', 'success', 'failed', 'cancelled'] as const
const ENDED: readonly string[] = ['success', 'failed', 'cancelled']
const TIMES = [
  '2026-05-01T00:00:00',
  '2026-05-01T00:00:00+00:00',
  '2026-05-01T08:00:00+08:00',
  '2026-05-02T23:59:59.123456+00:00',
  '2026-05-04T00:00:00Z',
  'no time',
]

const id = fc.constantFrom(...IDS)
const ids = fc.array(id, { maxLength: 4 })
const platformId = fc.constantFrom(...PLATFORM_IDS)
const backend = fc.constantFrom(...BACKENDS)
const status = fc.constantFrom(...STATUSES)
const statuses = fc.oneof(status, fc.array(status, { minLength: 1, maxLength: 3 }))
const time = fc.constantFrom(...TIMES)
const flag = fc.boolean()
const errorMessage = fc.constantFrom(null, 'it broke', 'no such chip')
const result = fc.constantFrom(
  null,
  { '00': 5, '11': -1 },
  [1, null],
  [],
  { p: Number.NaN, n: 2n ** 70n },
  'x',
)
const metadata = fc.constantFrom<JsonObject[]>(
  {},
  { a: 1 },
  { a: { b: 2 }, note: '任务' },
  { shots: 'metadata', task_id: 7 },
  { legacy_platform_id: 'old-1' },
  { legacy_platform_id: 'old-2', a: 3 },
)
/** An object that has some of these fields. */
const some = <T>(fields: { [name in keyof T]: fc.Arbitrary<T[name]> }) =>
  fc.record(fields, { requiredKeys: [] })

const shots = fc.constantFrom(0, 1000)
const optionalFields = { shots, submitTime: time, updateTime: time, result, metadata, errorMessage }
const task = fc.record(
  { taskId: id, backend, status, ...optionalFields },
  { requiredKeys: ['taskId', 'backend', 'status'] },
)
const changes = some({ taskId: id, backend, status, ...optionalFields })
const filterFields = {
  status: statuses,
  backend,
  platform: fc.constantFrom('originq', 'ibm', 'none'),
  submittedAfter: time,
  submittedBefore: time,
}
const filter = some(filterFields)
const listOptions = some({
  ...filterFields,
  limit: fc.integer({ min: -1, max: 4 }),
  offset: fc.integer({ min: 0, max: 3 }),
  archived: fc.constantFrom<boolean | 'both'>(true, false, 'both'),
})
const onConflict = some({
  onConflict: fc.constantFrom<'throw' | 'live' | 'archived'>('throw', 'live', 'archived'),
})
const shardFields = {
  backend,
  circuitCount: fc.constantFrom(1, 2),
  subIndexOffset: fc.constantFrom(0, 3),
  status,
  result,
  errorMessage,
  submitTime: time,
  updateTime: time,
}
const shardOptions = some({ keepUpdateTime: flag, refreshTask: flag })
const recordFields = {
  result,
  shots,
  submit_time: time,
  update_time: time,
  error_message: errorMessage,
  a: fc.constantFrom(1, 'text'),
  legacy_platform_id: platformId,
}
const extra = some(recordFields)

/** A store and what it should hold. */
interface Side {
  readonly file: string
  store: TaskStore
  /** On the same file. */
  second: TaskStore
  model: TaskModel
}

interface World {
  /** What the clock is set from. */
  readonly start: number
  readonly main: Side
  /** What is merged into the main one. */
  readonly other: Side
  readonly exported: string
  /** What the export holds. */
  copies: readonly ModelTask[] | undefined
}

/** A call on a side, which checks its answer. */
interface Step {
  readonly label: string
  run(side: Side, world: World): void
}

const openSide = (file: string): Side => {
  const open = () => new TaskStore({ file, synchronous: 'NORMAL' })
  return { file, store: open(), second: open(), model: new TaskModel() }
}

/** A task may be both live and archived. */
const keyOf = ({ taskId, archivedAt = null }: ListedTask) => `${archivedAt === null} ${taskId}`

/** What a call gives, or the code of the error that it throws. */
function outcome<T>(work: () => T) {
  try {
    return { value: work() }
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

function assertHolds(store: TaskStore, model: TaskModel): void {
  const tasks = store.list({ archived: 'both' })
  for (const row of [...model.live, ...model.archived]) {
    const { taskId } = row.task
    const isLive = model.live.includes(row)
    const listed = tasks.find((found) => found.taskId === taskId && (found.archivedAt === null) === isLive)
    fillIn(listed, row.task)
    if (row.archivedAt !== null) fillIn(listed, row)
    const shards = isLive ? store.getShards(taskId) : store.archive.getShards(taskId)
    row.shards.forEach((shard, index) => {
      fillIn(shards[index], shard)
    })
    const { archivedAt } = row
    const expected = isLive ? row.shards : row.shards.map((shard) => ({ ...shard, archivedAt }))
    assert.deepEqual(shards, expected, `the shards of ${taskId}`)
  }
  assert.deepEqual(tasks, model.list({ archived: 'both' }))
}

/** A call whose answer is what the model gives, and after which the store holds what the model holds. */
const call = <T>(
  label: string,
  ask: (store: TaskStore, world: World) => T,
  expect: (model: TaskModel, world: World) => unknown,
): Step => ({
  label,
  run: (side, world) => {
    const answer = outcome(() => ask(side.store, world))
    const expected = outcome(() => side.model.attempt(() => expect(side.model, world)))
    assertHolds(side.store, side.model)
    assert.deepEqual(answer, expected)
  },
})

/** Steps that call one method with generated arguments. */
const calls = <Args extends unknown[], T>(
  name: string,
  args: fc.Arbitrary<Args>,
  ask: (store: TaskStore, ...args: Args) => T,
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

/** Every page of a list, one behind the other. */
function allPages(store: TaskStore, options: TaskListOptions) {
  const items: TaskInfo[] = []
  for (let after: string | undefined; ; ) {
    const page = store.page({ ...options, after, limit: 2 })
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
      ...(found.errorMessage !== null && { error_message: found.errorMessage }),
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
  const metadata = entries.filter(([key]) => !Object.hasOwn(FIELDS, key))
  const fields = entries.filter(([key]) => Object.hasOwn(FIELDS, key))
  return {
    ...Object.fromEntries(fields.map(([key, value]) => [FIELDS[key as keyof typeof FIELDS], value])),
    metadata: Object.fromEntries(metadata),
  } as unknown as NewTaskInfo
}

function updateRecord(model: TaskModel, taskId: string, record: TaskRecordChanges): boolean {
  const keepUpdateTime = record.update_time !== undefined
  return model.update(taskId, unflat(record), { keepUpdateTime }) !== undefined
}

function upsertRecord(model: TaskModel, record: TaskRecordChanges & { readonly task_id: string }): void {
  const { task_id, ...others } = record
  if (updateRecord(model, task_id, others)) return
  if (record.platform === undefined || record.status === undefined) throw new Refused('INVALID_TASK')
  model.save(unflat(record), true)
}

const persistence = (store: TaskStore) => new TaskPersistence(store)
const pair = <A, B>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>) => fc.tuple(a, b)

const record = fc.record(
  { task_id: id, platform: backend, status, ...recordFields },
  { requiredKeys: ['task_id', 'platform', 'status'] },
) as fc.Arbitrary<NewTaskRecord>
const upsertable = fc.record(
  { task_id: id, platform: backend, status, ...recordFields },
  { requiredKeys: ['task_id'] },
) as fc.Arbitrary<TaskRecordChanges & { readonly task_id: string }>
const recordFilter = some({ platform: fc.constantFrom('originq', 'ibm'), status })
const shortForm = fc.tuple(
  id,
  backend,
  status,
  fc.option(result, { nil: undefined }),
  fc.option(
    some({
      shots,
      submit_time: time,
      update_time: time,
      error_message: errorMessage,
      a: fc.constantFrom(1, 'text'),
    }),
    { nil: undefined },
  ),
)
const toRecord = ([task_id, platform, state, value, more]: typeof shortForm extends fc.Arbitrary<infer T>
  ? T
  : never) =>
  ({
    ...more,
    task_id,
    platform,
    status: state,
    ...(value !== undefined && { result: value }),
  }) as NewTaskRecord

const update = calls(
  'update',
  fc.tuple(id, changes, some({ ifStatus: statuses, ifUpdateTime: time, keepUpdateTime: flag })),
  (store, ...args) => store.update(...args),
  (model, ...args) => model.update(...args),
)

const WRITES: readonly fc.Arbitrary<Step>[] = [
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
    run: (side, world) => {
      const ifUpdateTime = outcome(() => side.model.find(side.model.live, taskId)).value?.task.updateTime
      call(
        '',
        (store) => store.update(taskId, { shots: 5 }, { ifUpdateTime }),
        (model) => model.update(taskId, { shots: 5 }, { ifUpdateTime }),
      ).run(side, world)
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
    (store, taskIds, options) => withoutErrors(store.archive.archiveMany(taskIds, options)),
    (model, taskIds, options) => model.moveMany(taskIds, 'archived', options.onConflict),
  ),
  calls(
    'archive.restoreMany',
    pair(ids, onConflict),
    (store, taskIds, options) => withoutErrors(store.archive.restoreMany(taskIds, options)),
    (model, taskIds, options) => model.moveMany(taskIds, 'live', options.onConflict),
  ),
  calls(
    'persistence.save',
    fc.tuple(record),
    (store, given) => persistence(store).save(given),
    (model, given) => void model.save(unflat(given), true),
  ),
  calls(
    'persistence.save of arguments',
    shortForm,
    (store, ...given) => persistence(store).save(...given),
    (model, ...given) => void model.save(unflat(toRecord(given)), true),
  ),
  calls(
    'persistence.update',
    pair(id, fc.oneof(extra, some({ platform: backend, status, task_id: id }))) as fc.Arbitrary<
      [string, TaskRecordChanges]
    >,
    (store, ...args) => persistence(store).update(...args),
    updateRecord,
  ),
  calls(
    'persistence.upsert',
    fc.tuple(upsertable),
    (store, given) => persistence(store).upsert(given),
    upsertRecord,
  ),
  calls(
    'persistence.upsert of arguments',
    shortForm,
    (store, ...given) => persistence(store).upsert(...given),
    (model, ...given) => upsertRecord(model, toRecord(given)),
  ),
]

/** A task as the version 5 step leaves it: its old id is in its metadata and on its shard. */
const upgraded = fc
  .record({
    uniqcTaskId: fc.constantFrom(...IDS.filter((one) => one.startsWith('uqt_'))),
    oldId: fc.constantFrom('old-1', 'old-2'),
    backend,
    status,
    submitTime: time,
  })
  .map(({ uniqcTaskId, oldId, ...fields }): Step => {
    const saved = { ...fields, taskId: uniqcTaskId, metadata: { legacy_platform_id: oldId } }
    const shard = { uniqcTaskId, shardIndex: 0, platformTaskId: oldId }
    return {
      label: `a task upgraded from ${oldId}: ${fc.stringify(saved)}`,
      run: (side, world) => {
        call(
          '',
          (store) => store.save(saved),
          (model) => model.save(saved),
        ).run(side, world)
        call(
          '',
          (store) => store.saveShard(shard),
          (model) => model.saveShard(shard, {}),
        ).run(side, world)
      },
    }
  })

const RARE_WRITES: readonly fc.Arbitrary<Step>[] = [
  calls(
    'clearCompleted',
    fc.tuple(fc.option(statuses, { nil: undefined })),
    (store, given) => store.clearCompleted(given),
    (model, given) => model.clear([given ?? ENDED].flat()),
  ),
  calls(
    'persistence.clearCompleted',
    fc.constant<[]>([]),
    (store) => persistence(store).clearCompleted(),
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
    (store, taskId) => persistence(store).delete(taskId),
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
    (store, taskIds) => withoutErrors(store.archive.deleteMany(taskIds)),
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

function withoutErrors(reports: ReturnType<TaskStore['archive']['archiveMany']>) {
  return reports.map(({ error, ...report }) => {
    const code = { conflict: 'CONFLICT', 'ambiguous-id': 'AMBIGUOUS_ID' }[report.outcome as string]
    assert.equal(error?.code, code)
    return report
  })
}

const REFUSED: readonly (readonly [
  label: string,
  ask: (store: TaskStore, world: World) => unknown,
  code: string,
])[] = [
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
    (store) => persistence(store).upsert('old-1', '\ud800', 'failed'),
    'INVALID_TASK',
  ],
  ['list with an unknown option', (store) => store.list({ state: 'failed' } as TaskListOptions), 'TypeError'],
  [
    'a transaction that gives a promise',
    (store) =>
      store.transaction(() => {
        store.save({ taskId: 'undone', backend: 'b', status: 'failed' })
        return Promise.resolve()
      }),
    'TypeError',
  ],
  ['mergeFile of its own file', (store) => store.mergeFile(store.file), 'TypeError'],
  ['importFile of no file', (store, { exported }) => store.importFile(`${exported}.none`), 'CANNOT_OPEN'],
]

const refused = fc.constantFrom(...REFUSED).map(([label, ask, code]) =>
  call(label, ask, () => {
    throw new Refused(code)
  }),
)

const READS: readonly fc.Arbitrary<Step>[] = [
  calls(
    'get',
    fc.tuple(id),
    (store, taskId) => [store.get(taskId), persistence(store).load(taskId)],
    (model, taskId) => {
      const found = model.find(model.live, taskId)?.task
      return [found, flat(found)]
    },
  ),
  calls(
    'archive.get and getShards',
    fc.tuple(id),
    (store, taskId) => [store.archive.get(taskId), store.archive.getShards(taskId)],
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
    (store, ...args) => store.findShards(...args),
    (model, job, options) => model.shardsWith(job, options.backend),
  ),
  calls(
    'list, listSummaries and iterate',
    fc.tuple(listOptions),
    (store, options) => [store.list(options), store.listSummaries(options), [...store.iterate(options)]],
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
    (store, options) => [store.count(options), store.countByStatus(options), store.archive.count(options)],
    (model, options) => [
      model.list(options).length,
      countBy(model, options),
      model.list({ ...options, archived: true }).length,
    ],
  ),
  calls(
    'persistence.listAll and count',
    pair(recordFilter, some({ limit: fc.integer({ min: -1, max: 3 }) })),
    (store, options, limit) => [
      persistence(store).listAll({ ...options, ...limit }),
      persistence(store).count(options),
    ],
    (model, options, limit) => [model.list({ ...options, ...limit }).map(flat), model.list(options).length],
  ),
  calls(
    'persistence.listPending and listByPlatform',
    fc.tuple(fc.constantFrom('originq', 'ibm')),
    (store, platform) => [persistence(store).listPending(), persistence(store).listByPlatform(platform)],
    (model, platform) => [
      [...model.list({ status: 'pending' }), ...model.list({ status: 'running' })].map(flat),
      model.list({ platform }).map(flat),
    ],
  ),
]

const FILES: readonly fc.Arbitrary<Step>[] = [
  filter.chain((given) =>
    fc.constantFrom<boolean | 'both'>(true, false, 'both', 'both', 'both').map(
      (archived): Step => ({
        label: `exportFile(${fc.stringify({ ...given, archived })})`,
        run: (side, world) => {
          const isWanted = (row: ModelTask) =>
            side.model
              .list({ ...given, archived })
              .some(
                (listed: ListedTask) => keyOf(listed) === keyOf({ ...row.task, archivedAt: row.archivedAt }),
              )
          const copies = structuredClone([...side.model.live, ...side.model.archived].filter(isWanted))
          world.copies = copies
          call(
            '',
            (store) => store.exportFile(world.exported, { ...given, archived, replace: true }),
            () => ({ tasks: copies.length, shards: copies.flatMap(({ shards }) => shards).length }),
          ).run(side, world)
        },
      }),
    ),
  ),
  some({ overwrite: flag }).map(
    (options): Step => ({
      label: `importFile(${fc.stringify(options)})`,
      run: (side, world) => {
        const { copies, exported } = world
        if (copies === undefined) return
        const ask = (store: TaskStore, dryRun: boolean) => {
          const { files, skipped, ...counts } = store.importFile(exported, {
            ...options,
            dryRun,
            timeZone: 'UTC',
          })
          assert.deepEqual(files, [exported])
          return { ...counts, skipped: skipped.map(({ taskId }) => taskId) }
        }
        call(
          '',
          (store) => [ask(store, true), ask(store, false)],
          (model) => {
            const dry = model.copy().importTasks(copies, options.overwrite ?? false)
            return [dry, model.importTasks(copies, options.overwrite ?? false)]
          },
        ).run(side, world)
      },
    }),
  ),
  some({ dryRun: flag }).map(
    (options): Step => ({
      label: `mergeFile(${fc.stringify(options)})`,
      run: (side, world) => {
        const other = side === world.main ? world.other : world.main
        call(
          '',
          (store) => {
            const { conflicts, ...report } = store.mergeFile(other.file, { ...options, timeZone: 'UTC' })
            return { ...report, conflicts: conflicts.map(({ taskId }) => taskId) }
          },
          (model) => model.merge(other.model, options.dryRun ?? false),
        ).run(side, world)
      },
    }),
  ),
]

const step = fc.oneof(
  { weight: 10, arbitrary: fc.oneof(...WRITES) },
  { weight: 4, arbitrary: update },
  { weight: 1, arbitrary: upgraded },
  { weight: 1, arbitrary: fc.oneof(...RARE_WRITES) },
  { weight: 4, arbitrary: fc.oneof(...READS) },
  { weight: 1, arbitrary: refused },
)
const fileStep = fc.oneof(...FILES)

/** A transaction of steps, of which an inner one can fail alone. */
const transaction = fc
  .record({
    before: fc.array(step, { maxLength: 4 }),
    inner: fc.array(fc.oneof(step, fileStep), { maxLength: 4 }),
    innerFails: flag,
    fails: flag,
  })
  .map(
    ({ before, inner, innerFails, fails }): Step => ({
      label: `transaction(${before.map(({ label }) => label).join('; ')}; transaction(${inner.map(({ label }) => label).join('; ')})${innerFails ? ' fails' : ''})${fails ? ' fails' : ''}`,
      run: (side, world) => {
        transact(side, fails, () => {
          for (const one of before) one.run(side, world)
          transact(side, innerFails, () => {
            for (const one of inner) one.run(side, world)
          })
          assertHolds(side.store, side.model)
        })
      },
    }),
  )

/** Runs work in a transaction of the store, which is undone in the model as well where it fails. */
function transact(side: Side, fails: boolean, work: () => void): void {
  class Undone extends Error {}
  const before = side.model.copy()
  const run = () =>
    side.store.transaction(() => {
      work()
      if (fails) throw new Undone()
    })
  if (!fails) {
    run()
    return
  }
  assert.throws(run, Undone)
  side.model = before
}

/** The model of fast-check; ours is in the world. */
type Nothing = Record<string, never>
class OnWorld implements fc.Command<Nothing, World> {
  readonly #label: string
  readonly #run: (world: World) => void

  constructor(label: string, run: (world: World) => void) {
    this.#label = label
    this.#run = run
  }

  check(): boolean {
    return true
  }

  run(_: Nothing, world: World): void {
    this.#run(world)
    for (const { store, second, model } of [world.main, world.other]) {
      assertHolds(store, model)
      assertHolds(second, model)
    }
  }

  toString(): string {
    return this.#label
  }
}

/** Commands, given how the clock is set. */
const commandsWith = (t: TestContext) => {
  const onMain = fc.oneof(
    { weight: 8, arbitrary: step },
    { weight: 2, arbitrary: fileStep },
    { weight: 1, arbitrary: transaction },
  )
  const onOther = fc.oneof({ weight: 3, arbitrary: step }, { weight: 1, arbitrary: fileStep })
  const clock = fc
    .constantFrom(0, 0, 1, 30 * HOUR, -30 * HOUR)
    .map((time) => new OnWorld(`clock(${time})`, ({ start }) => t.mock.timers.setTime(start + time)))
  const reopen = fc.constantFrom('main', 'other').map(
    (name) =>
      new OnWorld(`reopen(${name})`, (world) => {
        const side = world[name as 'main' | 'other']
        side.store.close()
        assert.throws(() => side.store.get('old-1'), { code: 'CLOSED' })
        side.store = new TaskStore({ file: side.file, synchronous: 'NORMAL' })
      }),
  )
  const swap = fc.constantFrom('main', 'other').map(
    (name) =>
      new OnWorld(`swap(${name})`, (world) => {
        const side = world[name as 'main' | 'other']
        ;[side.store, side.second] = [side.second, side.store]
      }),
  )
  const on = (name: 'main' | 'other', steps: fc.Arbitrary<Step>) =>
    steps.map((one) => new OnWorld(`${name}.${one.label}`, (world) => one.run(world[name], world)))
  return fc.commands(
    [
      fc.oneof(
        { weight: 12, arbitrary: on('main', onMain) },
        { weight: 4, arbitrary: on('other', onOther) },
        { weight: 4, arbitrary: clock },
        { weight: 1, arbitrary: reopen },
        { weight: 1, arbitrary: swap },
      ),
    ],
    { maxCommands: CALLS, size: 'max' },
  )
}

test(`${SEQUENCES} random sequences of up to ${CALLS} calls: the store answers and holds what a plain model does`, (t) => {
  const folder = temporaryFolder(t)
  t.mock.timers.enable({ apis: ['Date'], now: START })
  let sequence = 0
  fc.assert(
    fc.property(commandsWith(t), (commands) => {
      sequence++
      // Another moment for each: stamps of one millisecond count on.
      const start = START + sequence * 1000
      t.mock.timers.setTime(start)
      const files = join(folder, String(sequence))
      const world: World = {
        start,
        main: openSide(join(files, 'main.sqlite')),
        other: openSide(join(files, 'other.sqlite')),
        exported: join(files, 'tasks.jsonl'),
        copies: undefined,
      }
      try {
        fc.modelRun(() => ({ model: {}, real: world }), commands)
        assertSound(world.main.file)
        assertSound(world.other.file)
      } finally {
        for (const side of [world.main, world.other]) {
          side.store.close()
          side.second.close()
        }
        rmSync(files, { recursive: true })
      }
    }),
    { numRuns: SEQUENCES },
  )
})
