import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { isDate } from 'node:util/types'
import fc from 'fast-check'
import { ArgumentError, TaskStoreError, UnreadableJson } from 'uniqc-task-store'
import {
  type AnyStore,
  type OpenStore,
  persistenceOf,
  type ReadRows,
  type Rows,
} from '../support/any-store.ts'
import { ANY_VALUES, CallersError } from '../support/any-value.ts'
import { prototypeKeys } from '../support/dump.ts'
import { holdsLoneSurrogate } from '../support/lone-surrogate.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { type Call, type Given, READS, RECORD, SHARD, TASK, WRITES } from './any-calls.ts'

type Start = Omit<Given, 'value'> & {
  readonly rows: () => Promise<Rows>
  /** The rows as they are, where they are known. */
  last?: Rows | undefined
}

/** Empties a store, and saves a record that no call names, and two that some do. */
async function fill(store: AnyStore): Promise<void> {
  await store.clearAll()
  await store.archive.deleteMany((await store.archive.list()).map(({ taskId }) => taskId))
  for (const taskId of ['kept', 'kept-archived', 'target', 'archived']) {
    const status = taskId === 'kept' ? 'running' : 'success'
    await store.save({
      taskId,
      backend: 'originq:a',
      status,
      shots: 7,
      result: { '00': 1 },
      metadata: { a: [2n ** 70n] },
      submitTime: '2026-01-01T00:00:00+00:00',
    })
    await store.addShard({ uniqcTaskId: taskId, platformTaskId: `p-${taskId}`, result: [Number.NaN] })
  }
  await store.archive.archiveMany(['kept-archived', 'archived'])
}

/** The rows that no call names. Their places may depend on the rows of others. */
const keptOf = (rows: Rows) =>
  Object.values(rows).flatMap((table) =>
    table
      .filter((row) => String(row.task_id ?? row.uniqc_task_id).startsWith('kept'))
      .map(({ rowid: _, ...row }) => row),
  )

const NUMBERS = ['shots', 'shard_index', 'circuit_count', 'sub_index_offset', 'rowid']

/** Every cell is of the type that its column has in a file of UnifiedQuantum, and can be read. */
async function checkRows(store: AnyStore, rows: Rows): Promise<void> {
  for (const row of Object.values(rows).flat()) {
    for (const [column, cell] of Object.entries(row)) {
      assert.ok(cell === null || typeof cell === (NUMBERS.includes(column) ? 'bigint' : 'string'), column)
    }
  }
  for (const { result, metadata } of await store.list({ archived: 'both' })) {
    assert.ok(
      !((result as unknown) instanceof UnreadableJson) && !((metadata as unknown) instanceof UnreadableJson),
    )
  }
}

function isAllowed(error: unknown): boolean {
  // What the engine says of a value that cannot even be looked at, or be called.
  const isEngines = error instanceof TypeError && /revoked|Class constructor/.test(error.message)
  return (
    isEngines ||
    error instanceof ArgumentError ||
    error instanceof TaskStoreError ||
    error instanceof CallersError
  )
}

/** Opens a store with a folder of its own as the working directory, where relative paths lead. */
async function start(t: TestContext, open: OpenStore, rows: ReadRows) {
  // So deep that a path upwards stays in it.
  const folder = join(temporaryFolder(t), 'a', 'b', 'c')
  mkdirSync(folder, { recursive: true })
  const { UNIQC_CACHE_DIR } = process.env
  const before = process.cwd()
  process.chdir(folder)
  process.env.UNIQC_CACHE_DIR = join(folder, 'default')
  const store = await open(t)
  await fill(store)
  t.after(() => {
    process.chdir(before)
    delete process.env.UNIQC_CACHE_DIR
    Object.assign(process.env, UNIQC_CACHE_DIR !== undefined && { UNIQC_CACHE_DIR })
  })
  return { store, persistence: persistenceOf(store), rows: async () => rows(store) }
}

/** Makes one call with one value, and checks all that holds for any of them. */
async function attempt(
  [name, mayBe, call]: Call,
  given: Start,
  value: unknown,
  isRead: boolean,
): Promise<void> {
  const { store, rows } = given
  const before = given.last ?? (await rows())
  given.last = before
  let returned: unknown
  try {
    returned = await call({ ...given, value: value as never })
  } catch (error) {
    if (!isAllowed(error)) throw new Error(`${name} threw something else`, { cause: error })
    assert.deepEqual(await rows(), before, `${name} threw, and wrote something`)
    return
  }
  assert.ok(mayBe(value), `${name} took it`)
  const after = await rows()
  if (isDeepStrictEqual(after, before)) return
  given.last = undefined
  assert.ok(!isRead, `${name} wrote something`)
  assert.deepEqual(keptOf(after), keptOf(before), `${name} changed another record`)
  await checkRows(store, after)
  if (typeof returned === 'object' && returned !== null && 'metadata' in returned) {
    assert.deepStrictEqual(
      await store.get((returned as unknown as { taskId: string }).taskId),
      returned,
      name,
    )
  }
  if (typeof returned === 'object' && returned !== null && 'shardIndex' in returned) {
    const { uniqcTaskId, shardIndex } = returned as unknown as { uniqcTaskId: string; shardIndex: number }
    assert.deepStrictEqual(
      (await store.getShards(uniqcTaskId)).find((shard) => shard.shardIndex === shardIndex),
      returned,
      name,
    )
  }
  await fill(store)
}

async function checkPrototypes(prototypes: string): Promise<void> {
  assert.equal(prototypeKeys(), prototypes)
  // What was rejected and not handled comes out now, and fails the test.
  await new Promise((fulfil) => setImmediate(fulfil))
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

/** The cells that UnifiedQuantum does not write back as they are. */
const KEEPS_SURROGATES = /^result of (?!addShard|a refreshed)/

const firstOf = (list: unknown) => (list as readonly unknown[] | undefined)?.[0]

type Cell = readonly [name: string, write: (given: Given) => unknown, read: (given: Start) => unknown]

/** Every place for JSON. */
const CELLS: readonly Cell[] = [
  [
    'result of save',
    ({ store, value }) => store.save({ ...TASK, result: value }),
    async ({ store }) => (await store.get('new'))?.result,
  ],
  [
    'metadata of save',
    ({ store, value }) => store.save({ ...TASK, metadata: { k: [value] } }),
    async ({ store }) => firstOf((await store.get('new'))?.metadata.k),
  ],
  [
    'result of saveMany',
    ({ store, value }) => store.saveMany([{ ...TASK, result: value }]),
    async ({ store }) => (await store.get('new'))?.result,
  ],
  [
    'result of update',
    ({ store, value }) => store.update('target', { result: value }),
    async ({ store }) => (await store.get('target'))?.result,
  ],
  [
    'metadata of update',
    ({ store, value }) => store.update('target', { metadata: { a: [value] } }),
    async ({ store }) => firstOf((await store.get('target'))?.metadata.a),
  ],
  [
    'result of addShard',
    ({ store, value }) => store.addShard({ ...SHARD, result: value }),
    async ({ store }) => (await store.getShards('target'))[1]?.result,
  ],
  [
    'result of a refreshed task',
    ({ store, value }) => store.saveShard({ ...SHARD, shardIndex: 0, result: value }, { refreshTask: true }),
    async ({ store }) => (await store.get('target'))?.result,
  ],
  [
    'result of persistence.save',
    ({ persistence, value }) => persistence.save('new', 'b', 'running', value),
    async ({ persistence }) => (await persistence.load('new'))?.result,
  ],
  [
    'a key of persistence.save',
    ({ persistence, value }) => persistence.save({ ...RECORD, key: [value] }),
    async ({ persistence }) => firstOf((await persistence.load('new'))?.key),
  ],
  [
    'the key __proto__ of persistence.update',
    ({ persistence, value }) => persistence.update('target', Object.fromEntries([['__proto__', [value]]])),
    async ({ persistence }) =>
      firstOf(Object.getOwnPropertyDescriptor(await persistence.load('target'), '__proto__')?.value),
  ],
  [
    'result of upsert',
    ({ persistence, value }) => persistence.upsert('target', 'b', 'success', value),
    async ({ persistence }) => (await persistence.load('target'))?.result,
  ],
]

/** Writes one value into one cell: it reads back as what is to be stored of it, or is refused. */
async function checkCell([name, write, read]: Cell, given: Start, value: unknown): Promise<void> {
  // A field that is undefined is one that is left out.
  if (value === undefined) return
  const before = await given.rows()
  let expected: { readonly value: unknown } | undefined
  try {
    const stored = asStored(value)
    if (KEEPS_SURROGATES.test(name) || !holdsLoneSurrogate(stored)) expected = { value: stored }
  } catch {
    expected = undefined
  }
  try {
    await write({ ...given, value: value as never })
  } catch (error) {
    assert.ok(isAllowed(error), `${name} threw something else`)
    assert.ok(expected === undefined || error instanceof CallersError, `${name} was refused: ${error}`)
    assert.deepEqual(await given.rows(), before)
    return
  }
  assert.ok(expected, `${name} took it`)
  assert.deepStrictEqual(await read(given), expected.value, name)
  await checkRows(given.store, await given.rows())
  await fill(given.store)
}

/**
 * @param more Calls that only the stores of this engine have.
 * @param runs How many generated values are tried.
 */
export function anyInputContract(
  open: OpenStore,
  rows: ReadRows,
  more: { readonly reads: readonly Call[]; readonly writes: readonly Call[] },
  runs = 1500,
): void {
  const reads = [...READS, ...more.reads]
  const writes = [...WRITES, ...more.writes]

  for (const [kind, calls] of [
    ['reads', reads],
    ['writes', writes],
  ] as const) {
    test(`a call that ${kind} accepts any value of a list, or throws and writes nothing`, async (t) => {
      const given = await start(t, open, rows)
      const prototypes = prototypeKeys()
      for (const [name, make] of Object.entries(ANY_VALUES)) {
        for (const call of calls) {
          try {
            await attempt(call, given, make(), kind === 'reads')
          } catch (error) {
            throw new Error(`${call[0]} with ${name}`, { cause: error })
          }
        }
      }
      await checkPrototypes(prototypes)
    })
  }

  test('any call accepts any generated value, or throws and writes nothing', async (t) => {
    const given = await start(t, open, rows)
    const prototypes = prototypeKeys()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...writes, ...reads), anything, (call, value) =>
        attempt(call, given, value, reads.includes(call)),
      ),
      { numRuns: runs },
    )
    await checkPrototypes(prototypes)
  })

  test('any value stored as JSON reads back as it was given, or is refused', async (t) => {
    const given = await start(t, open, rows)
    const prototypes = prototypeKeys()
    for (const [name, make] of Object.entries(ANY_VALUES)) {
      for (const cell of CELLS) {
        try {
          await checkCell(cell, given, make())
        } catch (error) {
          throw new Error(`${cell[0]} with ${name}`, { cause: error })
        }
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CELLS), anything, (cell, value) => checkCell(cell, given, value)),
      { numRuns: runs },
    )
    await checkPrototypes(prototypes)
  })
}
