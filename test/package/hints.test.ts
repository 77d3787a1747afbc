import assert from 'node:assert/strict'
import test from 'node:test'
import { inspect } from 'node:util'
import Database from 'better-sqlite3'
import { ArgumentError, TaskPersistence, TaskStore, TaskStoreError, toJson } from 'uniqc-task-store'
import { memory } from '../support/store.ts'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const
/** What TypeScript would refuse. */
const any = (value: unknown) => value as never

class Counts {
  readonly zero = 1
}

interface Given {
  readonly store: TaskStore
  readonly persistence: TaskPersistence
}

/** Each with its message. */
const HINTS: readonly (readonly [message: string, call: (given: Given) => unknown])[] = [
  ['task has no "task_id"; write "taskId"', ({ store }) => store.save(any({ task_id: 'a' }))],
  ['task has no "platform"; write "backend"', ({ store }) => store.save(any({ ...TASK, platform: 'b' }))],
  [
    'task has no "submit_time"; write "submitTime"',
    ({ store }) => store.saveMany([any({ ...TASK, submit_time: '' })]),
  ],
  [
    'changes has no "error_message"; write "errorMessage"',
    ({ store }) => store.update('a', any({ error_message: 'e' })),
  ],
  [
    'shard has no "uniqc_task_id"; write "uniqcTaskId"',
    ({ store }) => store.addShard(any({ uniqc_task_id: 'a' })),
  ],
  ['options has no "cache_dir"; write "cacheDir"', () => new TaskStore(any({ cache_dir: 'x' }))],
  ['options has no "readOnly"; write "readonly"', () => new TaskStore(any({ readOnly: true }))],
  [
    'options has no "submitted_after"; write "submittedAfter"',
    ({ store }) => store.list(any({ submitted_after: '' })),
  ],
  [
    'options has no "backend"; write "platform"',
    ({ persistence }) => persistence.listAll(any({ backend: 'b' })),
  ],
  [
    'filter has no "backend"; write "platform"',
    ({ persistence }) => persistence.count(any({ backend: 'b' })),
  ],
  [
    'task "a": platform is missing; write "platform", because "backend" is metadata here',
    ({ persistence }) => persistence.save(any({ task_id: 'a', backend: 'b', status: 'running' })),
  ],
  [
    'the task: task_id is missing; write "task_id", because "taskId" is metadata here',
    ({ persistence }) => persistence.upsert(any({ ...TASK, platform: 'b' })),
  ],
  [
    'options must be an object, not a string; write { status: "success" }',
    ({ store }) => store.list(any('success')),
  ],
  [
    'options must be an object, not a string; write { status: "success" }',
    ({ store }) => store.archive.list(any('success')),
  ],
  [
    'filter must be an object, not a string; write { status: "failed" }',
    ({ store }) => store.count(any('failed')),
  ],
  [
    'options has no "days"; write { hours: 168 }',
    ({ store }) => store.archive.archiveOlderThan(any({ days: 7 })),
  ],
  [
    'options has no "days"; write { hours: days * 24 }',
    ({ store }) => store.archive.archiveOlderThan(any({ days: '7' })),
  ],
  [
    'task "a": result is a Counts, which JSON cannot hold; spread it: { ...value }',
    ({ store }) => store.save({ ...TASK, result: any(new Counts()) }),
  ],
  [
    'task "a": metadata.list[1] is a Float64Array, which JSON cannot hold; spread it: [...value]',
    ({ store }) => store.save({ ...TASK, metadata: { list: [1, any(new Float64Array(2))] } }),
  ],
  [
    'value is a BigInt64Array, which JSON cannot hold; spread it: [...value]',
    () => toJson(new BigInt64Array(1)),
  ],
  [
    'task must be an object, not a Counts; spread it: { ...task }',
    ({ store }) => store.save(any(new Counts())),
  ],
  [
    'options must be an object, not a Counts; spread it: { ...options }',
    ({ store }) => store.list(any(new Counts())),
  ],
]
for (const [message, call] of HINTS) {
  test(`a hint: ${message}`, () => {
    using store = memory()
    store.save(TASK)
    assert.throws(
      () => call({ store, persistence: new TaskPersistence(store) }),
      (error) => {
        assert.ok(error instanceof ArgumentError || error instanceof TaskStoreError, String(error))
        // The names that there are may follow.
        assert.equal(error.message.replace(/; it has .*/, ''), message)
        assertPrintsWell(error)
        return true
      },
    )
  })
}

for (const [value, message] of [
  [new Map(), 'value is a Map, which JSON cannot hold'],
  [new Date(0), 'value is a Date, which JSON cannot hold'],
  [new DataView(new ArrayBuffer(1)), 'value is a DataView, which JSON cannot hold'],
] as const) {
  test(`what a spread would lose is not to be spread: ${message}`, () => {
    assert.throws(() => toJson(value), { message })
  })
}

test('a name that nothing known is like is answered with the names there are', () => {
  using store = memory()
  assert.throws(() => store.count(any({ limt: 1 })), {
    message:
      'filter has no "limt"; it has "status", "backend", "platform", "submittedAfter", "submittedBefore"',
  })
  assert.throws(() => store.count(any({ constructor: 1 })), {
    message: /has no "constructor"; it has "status"/,
  })
})

test('a lock that another store of this process holds is not blamed on another process', (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file, timeout: 0 })
  using other = new TaskStore({ file, timeout: 0 })
  store.transaction(() => {
    assert.throws(
      () => other.save(TASK),
      (error) => {
        assert.ok(error instanceof TaskStoreError)
        assert.equal(error.code, 'LOCKED')
        assert.match(error.message, /another store of this very process, which is inside its transaction\(\)/)
        assert.match(String((error.cause as Error & { code?: string }).code), /^SQLITE_BUSY/)
        return true
      },
    )
    assert.equal(store.save(TASK).taskId, 'a')
  })
  // Once it is done, the next lock is someone else's.
  const holder = new Database(file)
  holder.exec('BEGIN IMMEDIATE')
  assert.throws(() => other.save(TASK), { code: 'LOCKED', message: /another process/ })
  holder.exec('ROLLBACK')
  holder.close()
  other.save(TASK)
  assert.throws(() =>
    store.transaction(() => {
      throw new Error('undone')
    }),
  )
  assert.equal(other.save(TASK).taskId, 'a')
})

test('an error says what is invalid only where something is, and prints nothing undefined', (t) => {
  using store = memory()
  const errors = [
    () => store.save(any({ ...TASK, shots: -1 })),
    () => store.save(any({ backend: 'b' })),
    () => store.save({ ...TASK, result: any([() => 1]) }),
    () => new TaskPersistence(store).save(any({ platform: 'b' })),
    () => new TaskPersistence(store).save('a', 'b', 'running', null, { metadata: any(() => 1) }),
    () => store.importFile('/nowhere'),
    () => store.exportFile('/nowhere/x'),
    () => store.transaction(() => store.close()),
    () => store.list(any({ limt: 1 })),
    () => store.page({ after: 'x' }),
    () => new TaskStore({ file: temporaryFile(t), readonly: true }),
    () => toJson(new Map()),
  ].map((call) => {
    try {
      call()
    } catch (error) {
      return error
    }
    throw new Error('nothing was thrown')
  })
  for (const error of errors) {
    assert.ok(error instanceof TaskStoreError || error instanceof ArgumentError, String(error))
    const isInvalid = error instanceof TaskStoreError && error.code === 'INVALID_TASK'
    assert.equal('invalid' in error, isInvalid)
    assertPrintsWell(error)
  }
  store.close()
  assert.throws(
    () => store.count(),
    (error) => {
      assertPrintsWell(error)
      return !('invalid' in (error as object))
    },
  )
})

/** Everything that is printed of an error but its stack, which has file names. */
function assertPrintsWell(error: unknown): void {
  const printed = inspect(error, { showHidden: false }).replace(/^ +at .*$/gm, '')
  assert.doesNotMatch(printed, /undefined/)
  assert.match(
    printed,
    error instanceof TaskStoreError ? /^TaskStoreError: / : /^ArgumentError \[TypeError\]: /,
  )
  assert.equal(
    (error as Error).constructor.name,
    error instanceof TaskStoreError ? 'TaskStoreError' : 'ArgumentError',
  )
}
