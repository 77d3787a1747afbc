import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { isDate } from 'node:util/types'
import fc from 'fast-check'
import { TaskPersistence, TaskStore, TaskStoreError, UnreadableJson } from 'uniqc-task-store'
import { ANY_VALUES, CallersError } from '../support/any-value.ts'
import { dump, prototypeKeys } from '../support/dump.ts'
import { memory } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'

interface Given {
  readonly store: TaskStore
  readonly persistence: TaskPersistence
  /** Whatever it is: no type keeps it out. */
  readonly value: never
}

/** A place for a value among the arguments of a method, and what alone can be right there. */
type Call = readonly [name: string, mayBe: (value: unknown) => boolean, call: (given: Given) => unknown]

const isText = (value: unknown) => typeof value === 'string'
const isNumber = (value: unknown) => typeof value === 'number'
const isFunction = (value: unknown) => typeof value === 'function'
const isObject = (value: unknown) => typeof value === 'object' && value !== null
const isAnything = () => true
const isNothing = () => false
const optional = (mayBe: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || mayBe(value)
const nullable = (mayBe: (value: unknown) => boolean) =>
  optional((value: unknown) => value === null || mayBe(value))
const isFlag = optional((value) => typeof value === 'boolean')
const isTexts = (value: unknown) => isText(value) || (Array.isArray(value) && value.every(isText))
const isTime = (value: unknown) => isText(value) || isDate(value)
const isOptions = optional(isObject)

const TASK = { taskId: 'new', backend: 'b', status: 'running' } as const
const SHARD = { uniqcTaskId: 'target', platformTaskId: 'p' } as const
const RECORD = { task_id: 'new', platform: 'b', status: 'running' } as const

const FILTER: Readonly<Record<string, (value: unknown) => boolean>> = {
  status: optional(isTexts),
  backend: optional(isText),
  platform: optional(isText),
  submittedAfter: optional(isTime),
  submittedBefore: optional(isTime),
}
const LIST = { ...FILTER, limit: optional(isNumber), offset: optional(isNumber), after: optional(isText) }

/** A call for each of some options. */
function withOption(
  name: string,
  options: Readonly<Record<string, (value: unknown) => boolean>>,
  call: (given: Given, options: object) => unknown,
): Call[] {
  return Object.entries(options).map(([option, mayBe]) => [
    `${name} ${option}`,
    mayBe,
    (given) => call(given, { [option]: given.value }),
  ])
}

const READS: readonly Call[] = [
  ['get(V)', isText, ({ store, value }) => store.get(value)],
  ['list(V)', isOptions, ({ store, value }) => store.list(value)],
  ['listSummaries(V)', isOptions, ({ store, value }) => store.listSummaries(value)],
  ['iterate(V)', isOptions, ({ store, value }) => [...store.iterate(value)]],
  ['count(V)', isOptions, ({ store, value }) => store.count(value)],
  ['countByStatus(V)', isOptions, ({ store, value }) => store.countByStatus(value)],
  ['getShards(V)', isText, ({ store, value }) => store.getShards(value)],
  ['findShards(V)', isText, ({ store, value }) => store.findShards(value)],
  ['findShards(_, V)', isOptions, ({ store, value }) => store.findShards('p', value)],
  ...withOption('findShards', { backend: optional(isText) }, ({ store }, o) => store.findShards('p', o)),
  ...withOption('list', LIST, ({ store }, o) => store.list(o)),
  ...withOption('listSummaries', LIST, ({ store }, o) => store.listSummaries(o)),
  ...withOption('page', LIST, ({ store }, o) => store.page(o)),
  ...withOption('iterate', LIST, ({ store }, o) => [...store.iterate(o)]),
  ...withOption('count', FILTER, ({ store }, o) => store.count(o)),
  ...withOption('countByStatus', FILTER, ({ store }, o) => store.countByStatus(o)),
  ['archive.get(V)', isText, ({ store, value }) => store.archive.get(value)],
  ['archive.list(V)', isOptions, ({ store, value }) => store.archive.list(value)],
  ['archive.count(V)', isOptions, ({ store, value }) => store.archive.count(value)],
  ['archive.getShards(V)', isText, ({ store, value }) => store.archive.getShards(value)],
  ...withOption('archive.list', LIST, ({ store }, o) => store.archive.list(o)),
  ...withOption('archive.count', FILTER, ({ store }, o) => store.archive.count(o)),
  ['exportFile(V)', isText, ({ store, value }) => store.exportFile(value, { replace: true })],
  ['exportFile(_, V)', isOptions, ({ store, value }) => store.exportFile('export', value)],
  ...withOption('exportFile', FILTER, ({ store }, o) => store.exportFile('e', { replace: true, ...o })),
  ...withOption('exportFile', { replace: isFlag }, ({ store }, o) => store.exportFile('e', o)),
  ['importFile(_, V)', isOptions, ({ store, value }) => store.importFile('missing', value)],
  ['mergeFile(V)', isText, ({ store, value }) => store.mergeFile(value)],
  ['mergeFile(_, V)', isOptions, ({ store, value }) => store.mergeFile('missing', value)],
  ['load(V)', isText, ({ persistence, value }) => persistence.load(value)],
  ['listAll(V)', isOptions, ({ persistence, value }) => persistence.listAll(value)],
  ['listByPlatform(V)', isText, ({ persistence, value }) => persistence.listByPlatform(value)],
  ['persistence.count(V)', isOptions, ({ persistence, value }) => persistence.count(value)],
  ...withOption(
    'listAll',
    { platform: optional(isText), status: optional(isText), limit: optional(isNumber) },
    ({ persistence }, o) => persistence.listAll(o),
  ),
  ...withOption(
    'persistence.count',
    { platform: optional(isText), status: optional(isText) },
    ({ persistence }, o) => persistence.count(o),
  ),
  ['aggregateStatus([V])', isAnything, ({ value }) => TaskStore.aggregateStatus([value])],
  [
    'new TaskStore(V)',
    optional((v) => isText(v) || isObject(v)),
    ({ value }) => new TaskStore(value).close(),
  ],
  [
    'new TaskPersistence(V)',
    optional((v) => isText(v) || isObject(v)),
    ({ value }) => new TaskPersistence(value).close(),
  ],
  ...withOption(
    'new TaskStore',
    { file: optional(isText), cacheDir: optional(isText), database: (v) => v === undefined },
    (_, o) => new TaskStore(o).close(),
  ),
  ...withOption('new TaskStore', { timeout: optional(isNumber), readonly: isFlag }, (_, o) =>
    new TaskStore({ file: ':memory:', ...o }).close(),
  ),
]

const MOVE = { onConflict: optional(isText) }

const WRITES: readonly Call[] = [
  ['save(V)', isObject, ({ store, value }) => store.save(value)],
  ['save(_, V)', isOptions, ({ store, value }) => store.save(TASK, value)],
  ...withOption(
    'save',
    {
      taskId: isText,
      backend: isText,
      status: isText,
      shots: optional(isNumber),
      submitTime: optional(isText),
      updateTime: optional(isText),
      errorMessage: nullable(isText),
      other: isNothing,
    },
    ({ store }, o) => store.save({ ...TASK, ...o }, { keepUpdateTime: true }),
  ),
  ...withOption('save option', { keepUpdateTime: isFlag }, ({ store }, o) => store.save(TASK, o)),
  ['saveMany(V)', isObject, ({ store, value }) => store.saveMany(value)],
  ['saveMany([_, V])', isObject, ({ store, value }) => store.saveMany([TASK, value])],
  ['saveMany([], V)', isOptions, ({ store, value }) => store.saveMany([TASK], value)],
  ['update(V)', isText, ({ store, value }) => store.update(value, { shots: 1 })],
  ['update(_, V)', isObject, ({ store, value }) => store.update('target', value)],
  ['update(_, _, V)', isOptions, ({ store, value }) => store.update('target', { shots: 1 }, value)],
  ...withOption(
    'update',
    {
      backend: optional(isText),
      status: optional(isText),
      shots: optional(isNumber),
      submitTime: optional(isText),
      updateTime: optional(isText),
      errorMessage: nullable(isText),
      taskId: optional(isText),
      other: isNothing,
    },
    ({ store }, o) => store.update('target', o),
  ),
  ...withOption(
    'update option',
    { ifStatus: optional(isTexts), ifUpdateTime: optional(isText), keepUpdateTime: isFlag },
    ({ store }, o) => store.update('target', { shots: 1 }, o),
  ),
  ['delete(V)', isText, ({ store, value }) => store.delete(value)],
  ['clearCompleted(V)', optional(isTexts), ({ store, value }) => store.clearCompleted(value)],
  ['transaction(V)', isFunction, ({ store, value }) => store.transaction(value)],
  [
    'transaction(() => V)',
    isAnything,
    ({ store, value }) =>
      store.transaction(() => {
        store.save(TASK)
        return value
      }),
  ],
  ['addShard(V)', isObject, ({ store, value }) => store.addShard(value)],
  ['addShard(_, V)', isOptions, ({ store, value }) => store.addShard(SHARD, value)],
  ['saveShard(V)', isObject, ({ store, value }) => store.saveShard(value)],
  ...withOption(
    'saveShard',
    {
      uniqcTaskId: isText,
      shardIndex: isNumber,
      platformTaskId: isText,
      backend: optional(isText),
      circuitCount: optional(isNumber),
      subIndexOffset: optional(isNumber),
      status: optional(isText),
      errorMessage: nullable(isText),
      submitTime: optional(isText),
      updateTime: optional(isText),
      other: isNothing,
    },
    ({ store }, o) =>
      store.saveShard({ ...SHARD, shardIndex: 0, ...o }, { keepUpdateTime: true, refreshTask: true }),
  ),
  ...withOption('addShard option', { keepUpdateTime: isFlag, refreshTask: isFlag }, ({ store }, o) =>
    store.addShard(SHARD, o),
  ),
  ['deleteShards(V)', isText, ({ store, value }) => store.deleteShards(value)],
  ['archive(V)', isText, ({ store, value }) => store.archive.archive(value)],
  ['archive(_, V)', isOptions, ({ store, value }) => store.archive.archive('target', value)],
  ...withOption('archive', MOVE, ({ store }, o) => store.archive.archive('target', o)),
  ['restore(V)', isText, ({ store, value }) => store.archive.restore(value)],
  ['restore(_, V)', isOptions, ({ store, value }) => store.archive.restore('archived', value)],
  ...withOption('restore', MOVE, ({ store }, o) => store.archive.restore('archived', o)),
  ['archiveMany(V)', isObject, ({ store, value }) => store.archive.archiveMany(value)],
  ['archiveMany([_, V])', isText, ({ store, value }) => store.archive.archiveMany(['target', value])],
  ['archiveMany([_], V)', isOptions, ({ store, value }) => store.archive.archiveMany(['target'], value)],
  ['restoreMany([_, V])', isText, ({ store, value }) => store.archive.restoreMany(['archived', value])],
  ['deleteMany(V)', isObject, ({ store, value }) => store.archive.deleteMany(value)],
  ['deleteMany([_, V])', isText, ({ store, value }) => store.archive.deleteMany(['archived', value])],
  ['archive.delete(V)', isText, ({ store, value }) => store.archive.delete(value)],
  ['archiveOlderThan(V)', isObject, ({ store, value }) => store.archive.archiveOlderThan(value)],
  ...withOption(
    'archiveOlderThan',
    { hours: isNumber, statuses: optional(isTexts), dryRun: isFlag, ...MOVE },
    ({ store }, o) => store.archive.archiveOlderThan({ hours: 1, ...o }),
  ),
  [
    'persistence.save(V)',
    (v) => isText(v) || isObject(v),
    ({ persistence, value }) => persistence.save(value),
  ],
  ['persistence.save(V, ...)', isText, ({ persistence, value }) => persistence.save(value, 'b', 'running')],
  ['persistence.save(_, V)', isText, ({ persistence, value }) => persistence.save('new', value, 'running')],
  ['persistence.save(_, _, V)', isText, ({ persistence, value }) => persistence.save('new', 'b', value)],
  [
    'persistence.save(.., V)',
    isOptions,
    ({ persistence, value }) => persistence.save('new', 'b', 'running', null, value),
  ],
  ...withOption(
    'persistence.save',
    {
      shots: optional(isNumber),
      submit_time: optional(isText),
      update_time: optional(isText),
      error_message: nullable(isText),
    },
    ({ persistence }, o) => persistence.save({ ...RECORD, ...o }),
  ),
  ['persistence.update(V)', isText, ({ persistence, value }) => persistence.update(value, { note: 1 })],
  ['persistence.update(_, V)', isObject, ({ persistence, value }) => persistence.update('target', value)],
  ['upsert(V)', (v) => isText(v) || isObject(v), ({ persistence, value }) => persistence.upsert(value)],
  ['upsert(_, V)', isText, ({ persistence, value }) => persistence.upsert('new', value, 'running')],
  [
    'upsert(.., V)',
    isOptions,
    ({ persistence, value }) => persistence.upsert('target', 'b', 'running', 1, value),
  ],
  ['persistence.delete(V)', isText, ({ persistence, value }) => persistence.delete(value)],
]

/** A store with a record that no call names, and two that some do. */
function fill(store: TaskStore): void {
  store.db.$client.exec('DELETE FROM tasks; DELETE FROM archived_tasks; DELETE FROM archived_task_shards')
  for (const taskId of ['kept', 'kept-archived', 'target', 'archived']) {
    const status = taskId === 'kept' ? 'running' : 'success'
    store.save({
      taskId,
      backend: 'originq:a',
      status,
      shots: 7,
      result: { '00': 1 },
      metadata: { a: [2n ** 70n] },
      submitTime: '2026-01-01T00:00:00+00:00',
    })
    store.addShard({ uniqcTaskId: taskId, platformTaskId: `p-${taskId}`, result: [Number.NaN] })
  }
  store.archive.archiveMany(['kept-archived', 'archived'])
}

/** The rows of a dump that no call names. */
const keptOf = (dumped: string) =>
  (JSON.parse(dumped) as unknown[][][]).flat().filter(([id]) => String(id).startsWith('kept'))

const STORAGE = ['tasks', 'archived_tasks', 'task_shards', 'archived_task_shards'] as const
const NUMBERS = ['shots', 'shard_index', 'circuit_count', 'sub_index_offset']

/** Every cell is of the type that its column has in a file of UnifiedQuantum, and can be read. */
function checkRows(store: TaskStore): void {
  for (const table of STORAGE) {
    for (const row of store.db.$client.prepare(`SELECT * FROM ${table}`).safeIntegers().all()) {
      for (const [column, cell] of Object.entries(row as object)) {
        assert.ok(cell === null || typeof cell === (NUMBERS.includes(column) ? 'bigint' : 'string'), column)
      }
    }
  }
  for (const { result, metadata } of store.list({ archived: 'both' })) {
    assert.ok(
      !((result as unknown) instanceof UnreadableJson) && !((metadata as unknown) instanceof UnreadableJson),
    )
  }
}

function isAllowed(error: unknown): boolean {
  return error instanceof TypeError || error instanceof TaskStoreError || error instanceof CallersError
}

/** A store in memory with a folder of its own as the working directory, where relative paths lead. */
function start(t: TestContext) {
  // So deep that a path upwards stays in it.
  const folder = join(temporaryFolder(t), 'a', 'b', 'c')
  mkdirSync(folder, { recursive: true })
  const { UNIQC_CACHE_DIR } = process.env
  const before = process.cwd()
  process.chdir(folder)
  process.env.UNIQC_CACHE_DIR = join(folder, 'default')
  const store = memory()
  fill(store)
  t.after(() => {
    store.close()
    process.chdir(before)
    delete process.env.UNIQC_CACHE_DIR
    Object.assign(process.env, UNIQC_CACHE_DIR !== undefined && { UNIQC_CACHE_DIR })
  })
  return { store, persistence: new TaskPersistence(store) }
}

/** Makes one call with one value, and checks all that holds for any of them. */
function attempt(
  [name, mayBe, call]: Call,
  given: Omit<Given, 'value'>,
  value: unknown,
  isRead: boolean,
): void {
  const { store } = given
  const before = dump(store)
  let returned: unknown
  try {
    returned = call({ ...given, value: value as never })
  } catch (error) {
    if (!isAllowed(error)) throw new Error(`${name} threw something else`, { cause: error })
    assert.equal(dump(store), before, `${name} threw, and wrote something`)
    return
  }
  assert.ok(mayBe(value), `${name} took it`)
  const after = dump(store)
  if (after === before) return
  assert.ok(!isRead, `${name} wrote something`)
  assert.deepEqual(keptOf(after), keptOf(before), `${name} changed another record`)
  checkRows(store)
  if (typeof returned === 'object' && returned !== null && 'metadata' in returned) {
    assert.deepStrictEqual(store.get((returned as unknown as { taskId: string }).taskId), returned, name)
  }
  if (typeof returned === 'object' && returned !== null && 'shardIndex' in returned) {
    const { uniqcTaskId, shardIndex } = returned as unknown as { uniqcTaskId: string; shardIndex: number }
    assert.deepStrictEqual(
      store.getShards(uniqcTaskId).find((shard) => shard.shardIndex === shardIndex),
      returned,
      name,
    )
  }
  fill(store)
}

async function checkSound(store: TaskStore, prototypes: string): Promise<void> {
  assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')
  assert.equal(prototypeKeys(), prototypes)
  // What was rejected and not handled comes out now, and fails the test.
  await new Promise((fulfil) => setImmediate(fulfil))
}

for (const [kind, calls] of [
  ['reads', READS],
  ['writes', WRITES],
] as const) {
  test(`a call that ${kind} takes any value, or refuses it by an error and writes nothing`, async (t) => {
    const given = start(t)
    const prototypes = prototypeKeys()
    for (const [name, make] of Object.entries(ANY_VALUES)) {
      for (const call of calls) {
        try {
          attempt(call, given, make(), kind === 'reads')
        } catch (error) {
          throw new Error(`${call[0]} with ${name}`, { cause: error })
        }
      }
    }
    await checkSound(given.store, prototypes)
  })
}

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  maxDepth: 3,
})

test('so it is for any value at all', async (t) => {
  const given = start(t)
  const prototypes = prototypeKeys()
  fc.assert(
    fc.property(fc.constantFrom(...WRITES, ...READS), anything, (call, value) =>
      attempt(call, given, value, READS.includes(call)),
    ),
    { numRuns: 1500 },
  )
  await checkSound(given.store, prototypes)
})

/** What of a value is stored as JSON, as the README says. @throws for what is refused. */
function asStored(value: unknown, ancestors: readonly object[] = []): unknown {
  const refuse = () => {
    throw new TypeError('JSON cannot hold it')
  }
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'number':
      return value
    case 'bigint':
      return value === BigInt(Number(value)) && Number.isSafeInteger(Number(value)) ? Number(value) : value
    case 'object':
      break
    default:
      return refuse()
  }
  if (value === null) return null
  if (ancestors.includes(value) || isDate(value)) return refuse()
  const within = [...ancestors, value]
  if ('toJSON' in value && typeof value.toJSON === 'function') return asStored(value.toJSON(''), within)
  if (Object.getOwnPropertySymbols(value).length > 0) return refuse()
  if (Array.isArray(value)) return Array.from(value, (item) => asStored(item, within))
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return refuse()
  const entries = Object.entries(value).filter(([, content]) => content !== undefined)
  return Object.fromEntries(entries.map(([key, content]) => [key, asStored(content, within)]))
}

const firstOf = (list: unknown) => (list as readonly unknown[] | undefined)?.[0]

type Cell = readonly [
  name: string,
  write: (given: Given) => unknown,
  read: (given: Omit<Given, 'value'>) => unknown,
]

/** Every place for JSON. */
const CELLS: readonly Cell[] = [
  [
    'result of save',
    ({ store, value }) => store.save({ ...TASK, result: value }),
    ({ store }) => store.get('new')?.result,
  ],
  [
    'metadata of save',
    ({ store, value }) => store.save({ ...TASK, metadata: { k: [value] } }),
    ({ store }) => firstOf(store.get('new')?.metadata.k),
  ],
  [
    'result of saveMany',
    ({ store, value }) => store.saveMany([{ ...TASK, result: value }]),
    ({ store }) => store.get('new')?.result,
  ],
  [
    'result of update',
    ({ store, value }) => store.update('target', { result: value }),
    ({ store }) => store.get('target')?.result,
  ],
  [
    'metadata of update',
    ({ store, value }) => store.update('target', { metadata: { a: [value] } }),
    ({ store }) => firstOf(store.get('target')?.metadata.a),
  ],
  [
    'result of addShard',
    ({ store, value }) => store.addShard({ ...SHARD, result: value }),
    ({ store }) => store.getShards('target')[1]?.result,
  ],
  [
    'result of a refreshed task',
    ({ store, value }) => store.saveShard({ ...SHARD, shardIndex: 0, result: value }, { refreshTask: true }),
    ({ store }) => store.get('target')?.result,
  ],
  [
    'result of persistence.save',
    ({ persistence, value }) => persistence.save('new', 'b', 'running', value),
    ({ persistence }) => persistence.load('new')?.result,
  ],
  [
    'a key of persistence.save',
    ({ persistence, value }) => persistence.save({ ...RECORD, key: [value] }),
    ({ persistence }) => firstOf(persistence.load('new')?.key),
  ],
  [
    'the key __proto__ of persistence.update',
    ({ persistence, value }) => persistence.update('target', Object.fromEntries([['__proto__', [value]]])),
    ({ persistence }) =>
      firstOf(Object.getOwnPropertyDescriptor(persistence.load('target'), '__proto__')?.value),
  ],
  [
    'result of upsert',
    ({ persistence, value }) => persistence.upsert('target', 'b', 'success', value),
    ({ persistence }) => persistence.load('target')?.result,
  ],
]

/** Writes one value into one cell: it reads back as what is to be stored of it, or is refused. */
function checkCell([name, write, read]: Cell, given: Omit<Given, 'value'>, value: unknown): void {
  // A field that is undefined is one that is left out.
  if (value === undefined) return
  const before = dump(given.store)
  let expected: { readonly value: unknown } | undefined
  try {
    expected = { value: asStored(value) }
  } catch {
    expected = undefined
  }
  try {
    write({ ...given, value: value as never })
  } catch (error) {
    assert.ok(isAllowed(error), `${name} threw something else`)
    assert.ok(expected === undefined || error instanceof CallersError, `${name} was refused: ${error}`)
    assert.equal(dump(given.store), before)
    return
  }
  assert.ok(expected, `${name} took it`)
  assert.deepStrictEqual(read(given), expected.value, name)
  checkRows(given.store)
  fill(given.store)
}

test('JSON of any kind reads back as it was given, or is refused', async (t) => {
  const given = start(t)
  const prototypes = prototypeKeys()
  for (const [name, make] of Object.entries(ANY_VALUES)) {
    for (const cell of CELLS) {
      try {
        checkCell(cell, given, make())
      } catch (error) {
        throw new Error(`${cell[0]} with ${name}`, { cause: error })
      }
    }
  }
  fc.assert(
    fc.property(fc.constantFrom(...CELLS), anything, (cell, value) => checkCell(cell, given, value)),
    { numRuns: 1500 },
  )
  await checkSound(given.store, prototypes)
})
