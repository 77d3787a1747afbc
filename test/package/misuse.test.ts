import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { ArgumentError, fromJson, TaskPersistence, TaskStore, toJson } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const file = ':memory:'
const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const
const SHARD = { uniqcTaskId: 'a', platformTaskId: 'p' } as const
/** What TypeScript would refuse. */
const any = (value: unknown) => value as never

interface Given {
  readonly store: TaskStore
  readonly persistence: TaskPersistence
}

type Misuse = readonly [
  name: string,
  code: 'TYPE' | 'VALUE',
  argument: string,
  call: (given: Given) => unknown,
]

const MISUSES: readonly Misuse[] = [
  ['an option that does not exist', 'VALUE', 'limt', ({ store }) => store.list(any({ limt: 1 }))],
  ['a symbol as an option', 'VALUE', 'Symbol(s)', ({ store }) => store.list(any({ [Symbol('s')]: 1 }))],
  ['options that are no object', 'TYPE', 'options', ({ store }) => store.list(any(5))],
  ['a filter that is no object', 'TYPE', 'filter', ({ store }) => store.count(any(5))],
  ['a status of the wrong type', 'TYPE', 'status', ({ store }) => store.list({ status: any([1]) })],
  ['a limit of the wrong type', 'TYPE', 'limit', ({ store }) => store.list({ limit: any('5') })],
  ['half a limit', 'VALUE', 'limit', ({ store }) => store.list({ limit: 0.5 })],
  ['a page of none', 'VALUE', 'limit', ({ store }) => store.page({ limit: 0 })],
  ['a negative offset', 'VALUE', 'offset', ({ store }) => store.list({ offset: -1 })],
  ['a cursor that no page gave', 'VALUE', 'after', ({ store }) => store.page({ after: 'x' })],
  ['a cursor of the wrong type', 'TYPE', 'after', ({ store }) => store.page({ after: any(5) })],
  ['archived null', 'TYPE', 'archived', ({ store }) => store.list({ archived: any(null) })],
  [
    'a time of the wrong type',
    'TYPE',
    'submittedAfter',
    ({ store }) => store.list({ submittedAfter: any(5) }),
  ],
  ['an id of the wrong type', 'TYPE', 'taskId', ({ store }) => store.get(any(5))],
  ['a task that is no object', 'TYPE', 'task', ({ store }) => store.save(any('a'))],
  ['a field that does not exist', 'VALUE', 'name', ({ store }) => store.save(any({ ...TASK, name: 1 }))],
  ['tasks that are no list', 'TYPE', 'tasks', ({ store }) => store.saveMany(any('tasks'))],
  ['a task that gets another id', 'VALUE', 'taskId', ({ store }) => store.update('a', any({ taskId: 'b' }))],
  [
    'an index for a new shard',
    'VALUE',
    'shardIndex',
    ({ store }) => store.addShard(any({ ...SHARD, shardIndex: 1 })),
  ],
  [
    'a flag of the wrong type',
    'TYPE',
    'refreshTask',
    ({ store }) => store.addShard(SHARD, any({ refreshTask: 1 })),
  ],
  ['no work', 'TYPE', 'work', ({ store }) => store.transaction(any(5))],
  ['async work', 'TYPE', 'work', ({ store }) => store.transaction(async () => 1)],
  ['work that returns a promise', 'TYPE', 'work', ({ store }) => store.transaction(() => Promise.resolve(1))],
  ['work that closes the store', 'VALUE', 'work', ({ store }) => store.transaction(() => store.close())],
  [
    'work that commits',
    'VALUE',
    'work',
    ({ store }) => store.transaction(() => store.db.$client.exec('COMMIT')),
  ],
  ['a status of a shard', 'TYPE', 'shards', () => TaskStore.aggregateStatus([any(null)])],
  ['findings of nobody', 'TYPE', 'findings', ({ store }) => store.repair(any([1]))],
  ['a negative number of days', 'VALUE', 'pendingDays', ({ store }) => store.check({ pendingDays: -1 })],
  ['no hours', 'TYPE', 'hours', ({ store }) => store.archive.archiveOlderThan(any({}))],
  ['endless hours', 'VALUE', 'hours', ({ store }) => store.archive.archiveOlderThan({ hours: Infinity })],
  ['an unknown zone', 'VALUE', 'timeZone', ({ store }) => store.importFile('x', { timeZone: 'Mars' })],
  [
    'an unknown winner',
    'VALUE',
    'onConflict',
    ({ store }) => store.archive.archive('a', { onConflict: any('newer') }),
  ],
  ['an id among several', 'TYPE', 'taskIds', ({ store }) => store.archive.archiveMany([any(5)])],
  ['no path', 'VALUE', 'path', ({ store }) => store.importFile('')],
  ['no file to write', 'VALUE', 'file', ({ store }) => store.exportFile('')],
  ['no file to merge', 'VALUE', 'file', ({ store }) => store.mergeFile(':memory:')],
  ['white space after a path', 'VALUE', 'file', ({ store }) => store.mergeFile('x ')],
  ['no place for a backup', 'VALUE', 'options', () => TaskStore.restoreBackup('x', { file })],
  ['a backup of the wrong type', 'TYPE', 'backup', () => TaskStore.restoreBackup(any(5))],
  ['a store of the wrong type', 'TYPE', 'options', () => new TaskStore(any(5))],
  ['two places', 'VALUE', 'options', () => new TaskStore({ file, cacheDir: 'x' })],
  ['a file of the wrong type', 'TYPE', 'file', () => new TaskStore({ file: any(5) })],
  ['a negative timeout', 'VALUE', 'timeout', () => new TaskStore({ file, timeout: -1 })],
  ['an endless timeout', 'VALUE', 'timeout', () => new TaskStore({ file, timeout: 2 ** 40 })],
  ['an unknown durability', 'VALUE', 'synchronous', () => new TaskStore({ file, synchronous: any('full') })],
  ['null as durability', 'TYPE', 'synchronous', () => new TaskStore({ file, synchronous: any(null) })],
  ['no database', 'TYPE', 'database', () => new TaskStore({ database: any({}) })],
  ['a record of the wrong type', 'TYPE', 'task_id', ({ persistence }) => persistence.save(any(5))],
  [
    'a field given twice',
    'VALUE',
    'status',
    ({ persistence }) => persistence.save('a', 'b', 'c', 1, { status: 1 }),
  ],
  ['an id of a record', 'TYPE', 'task_id', ({ persistence }) => persistence.load(any(5))],
  ['an option of records', 'VALUE', 'offset', ({ persistence }) => persistence.listAll(any({ offset: 1 }))],
  ['what JSON cannot carry', 'VALUE', 'value', () => toJson([new Map()])],
  ['a text of the wrong type', 'TYPE', 'text', () => fromJson(any(5))],
]
for (const [name, code, argument, call] of MISUSES) {
  test(`${name} is an ArgumentError that names ${argument}`, () => {
    using store = new TaskStore({ file })
    store.save(TASK)
    assert.throws(() => call({ store, persistence: new TaskPersistence(store) }), isMisuse(code, argument))
  })
}

test("the store's own file is an ArgumentError wherever another one is meant", async (t) => {
  const own = temporaryFile(t)
  using store = new TaskStore({ file: own })
  const calls: readonly (readonly [string, () => unknown])[] = [
    ['path', () => store.importFile(own)],
    ['file', () => store.mergeFile(own)],
    ['file', () => store.exportFile(own, { replace: true })],
    ['backup', () => TaskStore.restoreBackup(own, { file: own })],
  ]
  for (const [argument, call] of calls) assert.throws(call, isMisuse('VALUE', argument))
  await assert.rejects(store.backup(own, { replace: true }), isMisuse('VALUE', 'file'))
  await assert.rejects(store.backup('x', { onProgress: any(5) }), isMisuse('TYPE', 'onProgress'))
})

test('a printed ArgumentError says no more than there is', () => {
  const error = new ArgumentError('ERR_INVALID_ARG_VALUE', 'limit', 'limit must be 1')
  assert.equal(error.name, 'TypeError')
  assert.deepEqual(Object.keys(error), ['code', 'argument'])
})

test('no source throws a TypeError of another kind', () => {
  const root = resolve(import.meta.dirname, '../..')
  for (const folder of ['src', 'drizzle']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.name.endsWith('.ts')) continue
      const source = readFileSync(join(entry.parentPath, entry.name), 'utf8')
      assert.ok(!/new (?:TypeError|RangeError)\(/.test(source), entry.name)
    }
  }
})

function isMisuse(code: 'TYPE' | 'VALUE', argument: string) {
  return (error: unknown) => {
    assert.ok(error instanceof ArgumentError, String(error))
    assert.ok(error instanceof TypeError)
    assert.deepEqual([error.code, error.argument], [`ERR_INVALID_ARG_${code}`, argument], error.message)
    return true
  }
}
