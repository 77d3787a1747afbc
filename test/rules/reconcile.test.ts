import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseInstant } from '../../src/rules/instant.ts'
import type { RawShard, RawTask, StoredTask } from '../../src/rules/raw-task.ts'
import { type ExistingTask, type Reconciled, reconcile } from '../../src/rules/reconcile.ts'

const OLD = '2026-01-01T00:00:00.000000+00:00'
const NEW = '2026-01-02T00:00:00.000000+00:00'
const OPTIONS = { overwrite: false, timeZone: 'UTC' }
const OVERWRITE = { ...OPTIONS, overwrite: true }

const TASK: RawTask = {
  taskId: 'uqt_1',
  backend: 'originq:a',
  status: 'running',
  shots: 5,
  submitTime: OLD,
  updateTime: OLD,
  result: null,
  metadata: '{}',
  errorMessage: null,
}
const SHARD: RawShard = {
  uniqcTaskId: 'uqt_1',
  shardIndex: 0,
  platformTaskId: 'p0',
  backend: 'originq:a',
  circuitCount: 1,
  subIndexOffset: 0,
  status: 'running',
  result: null,
  errorMessage: null,
  submitTime: OLD,
  updateTime: OLD,
}

/** A shard at an index, by default with a platform id of its own. */
const shardAt = (shardIndex: number, given: Partial<RawShard> = {}): RawShard => ({
  ...SHARD,
  shardIndex,
  platformTaskId: `p${shardIndex}`,
  ...given,
})

const incoming = (task: Partial<RawTask> = {}, ...shards: RawShard[]): StoredTask => ({
  task: { ...TASK, ...task },
  archivedAt: null,
  shards,
})
const existing = (task: Partial<RawTask> = {}, ...shards: RawShard[]): ExistingTask => ({
  ...incoming(task, ...shards),
  place: 'live',
})

/** What the store holds after a reconciliation was written. */
function written(before: ExistingTask | undefined, reconciled: Reconciled): ExistingTask | undefined {
  if (!('shards' in reconciled)) return before
  const { taskId, place, archivedAt, shards } = reconciled
  const task = reconciled.task ?? before?.task
  assert.ok(task, 'nothing was stored, and nothing is written')
  assert.equal(task.taskId, taskId)
  const byIndex = new Map([...(before?.shards ?? []), ...shards].map((shard) => [shard.shardIndex, shard]))
  return { task, place, archivedAt, shards: [...byIndex.values()] }
}

// Conflicts

interface Conflict {
  readonly there: StoredTask
  readonly here: ExistingTask
  /** What the reason names. */
  readonly named: readonly string[]
}

const CONFLICTS: readonly (readonly [title: string, conflict: Conflict])[] = [
  [
    'another provider',
    { there: incoming({ backend: 'quafu:a' }), here: existing(), named: ['quafu:a', 'originq:a'] },
  ],
  [
    'another provider, though it is newer',
    {
      there: incoming({ backend: 'quafu', updateTime: NEW }),
      here: existing(),
      named: ['quafu', 'originq:a'],
    },
  ],
  [
    'a provider whose name only begins the same',
    { there: incoming({ backend: 'originq2:a' }), here: existing(), named: ['originq2:a', 'originq:a'] },
  ],
  [
    'another status at one time',
    { there: incoming({ status: 'failed' }), here: existing(), named: ['status', OLD] },
  ],
  [
    'several fields at one time',
    {
      there: incoming({ shots: 6, result: '1', errorMessage: 'x', backend: 'originq:b' }),
      here: existing(),
      named: ['shots', 'result', 'errorMessage', 'backend'],
    },
  ],
  [
    'another submit time at one update time',
    { there: incoming({ submitTime: NEW }), here: existing(), named: ['submitTime'] },
  ],
  [
    'other metadata at one moment that is written in two forms',
    {
      there: incoming({ metadata: '{"a":1}', updateTime: '2026-01-01T08:00:00+08:00' }),
      here: existing(),
      named: ['metadata', OLD, '2026-01-01T08:00:00+08:00'],
    },
  ],
  [
    'another status, if the time there cannot be read',
    {
      there: incoming({ status: 'failed', updateTime: 'noon' }),
      here: existing(),
      named: ['status', 'noon'],
    },
  ],
  [
    'another status, if the time here cannot be read',
    {
      there: incoming({ status: 'failed' }),
      here: existing({ updateTime: 'noon' }),
      named: ['status', 'noon'],
    },
  ],
  [
    'another status, if neither time can be read',
    {
      there: incoming({ status: 'failed', updateTime: 'b' }),
      here: existing({ updateTime: 'a' }),
      named: ['status'],
    },
  ],
  [
    'another platform id of a shard, though it is newer',
    {
      there: incoming({ updateTime: NEW }, shardAt(3, { platformTaskId: 'theirs', updateTime: NEW })),
      here: existing({}, shardAt(3)),
      named: ['3', 'theirs', 'p3'],
    },
  ],
  [
    'another status of a shard at one time, though the task is newer',
    {
      there: incoming({ updateTime: NEW }, shardAt(3, { status: 'failed' })),
      here: existing({}, shardAt(3)),
      named: ['3', 'status'],
    },
  ],
  [
    'one shard in conflict after one that is newer',
    {
      there: incoming(
        {},
        shardAt(0, { updateTime: NEW }),
        shardAt(1, { circuitCount: 2, subIndexOffset: 1 }),
      ),
      here: existing({}, shardAt(0), shardAt(1)),
      named: ['1', 'circuitCount', 'subIndexOffset'],
    },
  ],
]
for (const [title, { there, here, named }] of CONFLICTS) {
  test(`${title} is a conflict`, () => {
    const reconciled = reconcile(there, here, OPTIONS)
    assert.ok('reason' in reconciled, reconciled.outcome)
    assert.equal(reconciled.outcome, 'conflict')
    for (const name of named) assert.ok(reconciled.reason.includes(name), reconciled.reason)
  })

  test(`${title} is not a conflict if the store is overwritten`, () => {
    const reconciled = reconcile(there, here, OVERWRITE)
    assert.equal(reconciled.outcome, 'updated')
    const after = written(here, reconciled)
    assert.deepEqual(after?.task, { ...there.task, metadata: after?.task.metadata })
    for (const shard of there.shards)
      assert.deepEqual(
        after?.shards.find(({ shardIndex }) => shardIndex === shard.shardIndex),
        shard,
      )
  })
}

// A task that is not in the store

for (const [archivedAt, place] of [
  [null, 'live'],
  [NEW, 'archived'],
] as const) {
  test(`a task that the store lacks is added as it is: ${place}`, () => {
    const task = { ...incoming({ metadata: ' [1] ' }, shardAt(0), shardAt(1)), archivedAt }
    for (const options of [OPTIONS, OVERWRITE]) {
      assert.deepEqual(reconcile(task, undefined, options), {
        outcome: 'added',
        taskId: 'uqt_1',
        place,
        archivedAt,
        task: task.task,
        shards: task.shards,
      })
    }
  })
}

// The task itself

interface Outcome {
  readonly there: StoredTask
  readonly here: ExistingTask
  readonly outcome: 'updated' | 'unchanged' | 'kept'
  readonly overwritten: 'updated' | 'unchanged'
}

const CHANGED = { status: 'success', result: '{"00":5}' }
const OUTCOMES: readonly (readonly [title: string, given: Outcome])[] = [
  ['an equal task', { there: incoming(), here: existing(), outcome: 'unchanged', overwritten: 'unchanged' }],
  [
    'a newer task',
    {
      there: incoming({ ...CHANGED, updateTime: NEW }),
      here: existing(),
      outcome: 'updated',
      overwritten: 'updated',
    },
  ],
  [
    'a task that is newer by a microsecond',
    {
      there: incoming({ ...CHANGED, updateTime: '2026-01-01T00:00:00.000001+00:00' }),
      here: existing(),
      outcome: 'updated',
      overwritten: 'updated',
    },
  ],
  [
    'an older task',
    {
      there: incoming(CHANGED),
      here: existing({ updateTime: NEW }),
      outcome: 'kept',
      overwritten: 'updated',
    },
  ],
  [
    'a newer task with nothing else new',
    { there: incoming({ updateTime: NEW }), here: existing(), outcome: 'updated', overwritten: 'updated' },
  ],
  [
    'an older task with nothing else old',
    { there: incoming(), here: existing({ updateTime: NEW }), outcome: 'kept', overwritten: 'updated' },
  ],
  [
    'a task whose update time is later as a text and earlier as a moment',
    {
      there: incoming({ ...CHANGED, updateTime: '2026-01-01T07:00:00+08:00' }),
      here: existing(),
      outcome: 'kept',
      overwritten: 'updated',
    },
  ],
  [
    'an equal task whose update time is written in another form',
    {
      there: incoming({ updateTime: '2026-01-01T00:00:00Z' }),
      here: existing(),
      outcome: 'unchanged',
      overwritten: 'updated',
    },
  ],
  [
    'an equal task whose update time cannot be read',
    {
      there: incoming({ updateTime: 'noon' }),
      here: existing({ updateTime: 'noon' }),
      outcome: 'unchanged',
      overwritten: 'unchanged',
    },
  ],
  [
    'an equal task whose update time cannot be read there',
    {
      there: incoming({ updateTime: 'noon' }),
      here: existing(),
      outcome: 'unchanged',
      overwritten: 'updated',
    },
  ],
  [
    'a newer task of another chip of the provider',
    {
      there: incoming({ backend: 'originq:b', updateTime: NEW }),
      here: existing({ backend: 'originq' }),
      outcome: 'updated',
      overwritten: 'updated',
    },
  ],
  [
    'an equal task under another id',
    {
      there: incoming({ taskId: 'old-1' }),
      here: existing(),
      outcome: 'unchanged',
      overwritten: 'unchanged',
    },
  ],
]
for (const [title, { there, here, outcome, overwritten }] of OUTCOMES) {
  test(`${title} is ${outcome}`, () => {
    const reconciled = reconcile(there, here, OPTIONS)
    assert.equal(reconciled.outcome, outcome)
    assert.deepEqual(written(here, reconciled)?.task, outcome === 'updated' ? there.task : here.task)
  })

  test(`${title} is ${overwritten} if the store is overwritten`, () => {
    const reconciled = reconcile(there, here, OVERWRITE)
    assert.equal(reconciled.outcome, overwritten)
    assert.deepEqual(written(here, reconciled)?.task, overwritten === 'updated' ? there.task : here.task)
  })
}

test('the zone decides which of two times without an offset is newer', () => {
  const there = incoming({ ...CHANGED, updateTime: '2026-01-01T04:00:00' })
  assert.equal(reconcile(there, existing(), { ...OPTIONS, timeZone: 'UTC' }).outcome, 'updated')
  assert.equal(reconcile(there, existing(), { ...OPTIONS, timeZone: 'Asia/Shanghai' }).outcome, 'kept')
})

test('a newer task stays under the id, in the place and with the time of archiving that the store has', () => {
  const there = incoming({ taskId: 'old-1', updateTime: NEW }, shardAt(0, { uniqcTaskId: 'old-1' }))
  const here = { ...existing(), place: 'archived', archivedAt: OLD } as const
  assert.deepEqual(reconcile(there, here, OPTIONS), {
    outcome: 'updated',
    taskId: 'uqt_1',
    place: 'archived',
    archivedAt: OLD,
    task: { ...TASK, updateTime: NEW },
    shards: [shardAt(0)],
  })
})

test('an archived task does not archive the live one', () => {
  const there = { ...incoming({ updateTime: NEW }), archivedAt: NEW }
  const reconciled = reconcile(there, existing(), OPTIONS)
  assert.ok('place' in reconciled, reconciled.outcome)
  assert.deepEqual([reconciled.place, reconciled.archivedAt], ['live', null])
})

// Cells of JSON

const SAME_RESULTS: readonly (readonly [a: string | null, b: string | null, same: boolean])[] = [
  [null, '', true],
  [null, 'null', true],
  ['', 'null', true],
  [null, '0', false],
  [null, '""', false],
  [null, '{}', false],
  ['{"a":1,"b":2}', '{ "b": 2, "a": 1 }', true],
  ['[1,2]', '[2,1]', false],
  ['1.0', '1', true],
  ['NaN', 'NaN ', true],
  ['NaN', 'Infinity', false],
  ['12345678901234567890', '12345678901234567890 ', true],
  ['12345678901234567890', '12345678901234567891', false],
  ['{"torn', '{"torn', true],
  ['{"torn', '{"torn ', false],
  ['"a"', '"\\u0061"', true],
  // A torn cell is not the string of its text.
  ['{"torn', '"{\\"torn"', false],
  ['torn', '"torn"', false],
]
for (const [a, b, same] of SAME_RESULTS) {
  test(`the results ${JSON.stringify(a)} and ${JSON.stringify(b)} ${same ? 'say the same' : 'differ'}`, () => {
    for (const [there, here] of [
      [a, b],
      [b, a],
    ] as const) {
      const outcome = same ? 'unchanged' : 'conflict'
      assert.equal(
        reconcile(incoming({ result: there }), existing({ result: here }), OPTIONS).outcome,
        outcome,
      )
      const shards = [shardAt(0, { result: there }), shardAt(0, { result: here })] as const
      assert.equal(reconcile(incoming({}, shards[0]), existing({}, shards[1]), OPTIONS).outcome, outcome)
    }
  })
}

test('results that can be read and are nested too deeply to be compared differ, unless their texts are equal', () => {
  const nested = (depth: number, inside: string) => '['.repeat(depth) + inside + ']'.repeat(depth)
  const outcome = (a: string, b: string) =>
    reconcile(incoming({ result: a }), existing({ result: b }), OPTIONS).outcome
  assert.equal(outcome(nested(100, ''), nested(100, ' ')), 'unchanged')
  assert.equal(outcome(nested(50_000, ''), nested(50_000, ' ')), 'conflict')
  assert.equal(outcome(nested(50_000, ''), nested(50_000, '')), 'unchanged')
})

const ID = '"legacy_platform_id": "old-1"'
const METADATA: readonly (readonly [a: string, b: string, same: boolean])[] = [
  ['{}', '', true],
  ['{}', ' { } ', true],
  ['{"a":1,"b":[NaN]}', '{"b": [NaN], "a": 1.0}', true],
  ['{"a":1}', '{"a":2}', false],
  ['{"a":1}', '{}', false],
  ['{"a":null}', '{}', false],
  // One of them may not know the id that version 5 replaced.
  [`{${ID}}`, '{}', true],
  [`{${ID}}`, '', true],
  [`{"a":1, ${ID}}`, '{"a":1}', true],
  [`{${ID}, "a":1}`, `{"a":1, ${ID}}`, true],
  [`{"a":1, ${ID}}`, '{"a":2}', false],
  [`{${ID}}`, '{"legacy_platform_id": "old-2"}', false],
  [`{${ID}}`, '{"legacy_platform_id": null}', false],
  ['{"legacy_metadata_raw": "x"}', '{}', false],
  ['[1]', '[ 1 ]', true],
  ['[1]', '[2]', false],
  ['[]', '{}', false],
  ['{"torn', '{"torn', true],
  ['{"torn', '{}', false],
  ['{"torn', '"{\\"torn"', false],
  // As version 5 wrote them.
  ['[1]', `{"legacy_metadata_raw": [1], ${ID}}`, true],
  ['[1]', `{"legacy_metadata_raw": [2], ${ID}}`, false],
  ['[1]', `{"legacy_metadata_raw": [1], "a": 1, ${ID}}`, false],
  ['[1]', '{"legacy_metadata_raw": [1]}', false],
  ['{"torn', `{"legacy_metadata_raw": "{\\"torn", ${ID}}`, true],
  ['null', `{"legacy_metadata_raw": null, ${ID}}`, true],
  // No id is a number.
  ['{"legacy_platform_id": 1}', '{}', false],
  ['{"legacy_platform_id": null}', '{}', false],
]
for (const [a, b, same] of METADATA) {
  test(`the metadata ${JSON.stringify(a)} and ${JSON.stringify(b)} ${same ? 'say the same' : 'differ'}`, () => {
    for (const [there, here] of [
      [a, b],
      [b, a],
    ] as const) {
      const [task, stored] = [incoming({ metadata: there }), existing({ metadata: here })]
      assert.equal(reconcile(task, stored, OPTIONS).outcome, same ? 'unchanged' : 'conflict')
      assert.equal(reconcile(task, stored, OVERWRITE).outcome, same ? 'unchanged' : 'updated')
    }
  })
}

for (const metadata of ['[1, 2]', '{"torn', 'null', '"text"', '{"legacy_platform_id": 5}']) {
  test(`a newer task with the metadata ${metadata} is unchanged when it comes again`, () => {
    for (const options of [OPTIONS, OVERWRITE]) {
      const newer = incoming({ metadata, updateTime: NEW })
      const before = existing({ metadata: `{"a": 1, ${ID}}` })
      const reconciled = reconcile(newer, before, options)
      assert.equal(reconciled.outcome, 'updated')
      const after = written(before, reconciled)
      assert.equal(reconcile(newer, after, options).outcome, 'unchanged')
    }
  })
}

const KEPT_IDS: readonly (readonly [title: string, here: string, there: string, metadata: string])[] = [
  ['without an id gets that of the store', `{"a":1, ${ID}}`, '{"b":2}', `{"b":2, ${ID}}`],
  ['with an id keeps it', `{${ID}}`, '{"legacy_platform_id":"old-2"}', '{"legacy_platform_id":"old-2"}'],
  ['with an id brings it', '{}', `{${ID}}`, `{${ID}}`],
  ['without an id, if the store has none, keeps its text', '{ }', '{ "b" : 2.0 }', '{ "b" : 2.0 }'],
]
for (const [title, here, there, metadata] of KEPT_IDS) {
  test(`a newer task ${title}`, () => {
    for (const options of [OPTIONS, OVERWRITE]) {
      const reconciled = reconcile(
        incoming({ metadata: there, updateTime: NEW }),
        existing({ metadata: here }),
        options,
      )
      assert.equal(written(undefined, reconciled)?.task.metadata, metadata)
    }
  })
}

// Shards

interface Shards {
  readonly there: readonly RawShard[]
  readonly here: readonly RawShard[]
  /** The task here is newer than the one there. */
  readonly isKept?: boolean
  readonly outcome: Reconciled['outcome']
  /** The indexes of the shards that are written. */
  readonly writes: readonly number[]
}

const DONE = { status: 'success', updateTime: NEW }
const SHARDS: readonly (readonly [title: string, given: Shards])[] = [
  [
    'equal shards are unchanged',
    { there: [shardAt(0)], here: [shardAt(0)], outcome: 'unchanged', writes: [] },
  ],
  [
    'an equal shard under another id of its task is unchanged',
    { there: [shardAt(0, { uniqcTaskId: 'old-1' })], here: [shardAt(0)], outcome: 'unchanged', writes: [] },
  ],
  [
    'a shard that the store lacks is added',
    { there: [shardAt(0), shardAt(1)], here: [shardAt(0)], outcome: 'updated', writes: [1] },
  ],
  [
    'shards that the store alone has stay',
    { there: [], here: [shardAt(0)], outcome: 'unchanged', writes: [] },
  ],
  [
    'a newer shard replaces the older one',
    { there: [shardAt(0, DONE)], here: [shardAt(0)], outcome: 'updated', writes: [0] },
  ],
  [
    'an older shard is left',
    { there: [shardAt(0)], here: [shardAt(0, DONE)], outcome: 'unchanged', writes: [] },
  ],
  [
    'of several shards the newer and the new ones are written',
    {
      there: [shardAt(0), shardAt(1, DONE), shardAt(2), shardAt(7)],
      here: [shardAt(2, DONE), shardAt(1), shardAt(0)],
      outcome: 'updated',
      writes: [1, 7],
    },
  ],
  [
    'a shard that the store lacks is added to a task that is newer there',
    { there: [shardAt(0)], here: [], isKept: true, outcome: 'updated', writes: [0] },
  ],
  [
    'a newer shard replaces the older one of a task that is newer there',
    { there: [shardAt(0, DONE)], here: [shardAt(0)], isKept: true, outcome: 'updated', writes: [0] },
  ],
  [
    'an equal shard of a task that is newer in the store is kept with it',
    { there: [shardAt(0)], here: [shardAt(0)], isKept: true, outcome: 'kept', writes: [] },
  ],
  [
    'a shard at one moment that is written in two forms is unchanged',
    {
      there: [shardAt(0, { updateTime: '2026-01-01T00:00:00Z' })],
      here: [shardAt(0)],
      outcome: 'unchanged',
      writes: [],
    },
  ],
]
for (const [title, { there, here, isKept = false, outcome, writes }] of SHARDS) {
  test(title, () => {
    const stored = existing({ updateTime: isKept ? NEW : OLD }, ...here)
    const reconciled = reconcile(incoming({}, ...there), stored, OPTIONS)
    assert.equal(reconciled.outcome, outcome)
    const shards = 'shards' in reconciled ? reconciled.shards : []
    assert.deepEqual(
      shards,
      there.filter(({ shardIndex }) => writes.includes(shardIndex)),
    )
    if ('task' in reconciled) assert.equal(reconciled.task, undefined)
  })
}

test('overwriting writes older shards and those with another platform id, not the equal ones', () => {
  const there = [shardAt(0), shardAt(1, { platformTaskId: 'theirs' }), shardAt(2)]
  const here = [shardAt(0, DONE), shardAt(1), shardAt(2)]
  const reconciled = reconcile(incoming({}, ...there), existing({}, ...here), OVERWRITE)
  assert.ok('shards' in reconciled, reconciled.outcome)
  assert.deepEqual(reconciled.shards, there.slice(0, 2))
})

// What holds for any two records

const anyTime = fc.constantFrom(OLD, NEW, '2026-01-01T08:00:00+08:00', '2026-01-01T12:00:00', 'noon', '')
const anyChoice = {
  status: fc.constantFrom('running', 'success'),
  result: fc.constantFrom(null, '', 'null', '{"00":5}', '{"00": 5}', 'NaN', '{"torn'),
  errorMessage: fc.constantFrom(null, 'x'),
  updateTime: anyTime,
}
const anyTask = fc.record({
  ...anyChoice,
  backend: fc.constantFrom('originq', 'originq:a', 'originq:a', 'quafu'),
  metadata: fc.constantFrom('{}', '', '{"a":1}', '{"a": 1.0}', `{"a":1, ${ID}}`, `{${ID}}`),
})
const anyShard = fc.record({
  ...anyChoice,
  shardIndex: fc.nat(3),
  platformTaskId: fc.constantFrom('p', 'p', 'p', 'q'),
})
const anyShards = fc.uniqueArray(anyShard, { selector: ({ shardIndex }) => shardIndex, maxLength: 4 })
const anyRecord = fc
  .tuple(anyTask, anyShards)
  .map(([task, shards]) => incoming(task, ...shards.map((shard) => ({ ...SHARD, ...shard }))))
const anyPlace = fc.constantFrom({ place: 'live', archivedAt: null }, {
  place: 'archived',
  archivedAt: OLD,
} as const)
const anyExisting = fc
  .tuple(anyRecord, anyPlace)
  .map(([record, place]) => ({ ...record, ...place }) as ExistingTask)
const anyOptions = fc.record({
  overwrite: fc.boolean(),
  timeZone: fc.constantFrom(undefined, 'UTC', 'Asia/Shanghai'),
})

test('a second time nothing is left to do', () => {
  fc.assert(
    fc.property(anyRecord, fc.option(anyExisting, { nil: undefined }), anyOptions, (there, here, options) => {
      const first = reconcile(there, here, options)
      const after = written(here, first)
      const again = reconcile(there, after, options)
      if (first.outcome === 'conflict') assert.deepEqual(again, first)
      // Of a task that is newer in the store, only shards can have been taken.
      else if (after?.task !== here?.task || again.outcome !== 'kept')
        assert.equal(again.outcome, 'unchanged')
      assert.deepEqual(written(after, again), after)
    }),
    { numRuns: 200 },
  )
})

test('no shard is dropped, and none is made up', () => {
  fc.assert(
    fc.property(anyRecord, anyExisting, anyOptions, (there, here, options) => {
      const reconciled = reconcile(there, here, options)
      const after = written(here, reconciled)
      const indexes = (...records: (StoredTask | undefined)[]) =>
        records.flatMap((record) => record?.shards.map(({ shardIndex }) => shardIndex) ?? [])
      const isTaken = reconciled.outcome === 'updated' || reconciled.outcome === 'unchanged'
      assert.deepEqual(new Set(indexes(after)), new Set(indexes(here, isTaken ? there : undefined)))
      for (const shard of after?.shards ?? []) {
        const known = [...here.shards, ...there.shards].map((own) => JSON.stringify(own))
        assert.ok(known.includes(JSON.stringify(shard)), JSON.stringify(shard))
      }
    }),
    { numRuns: 200 },
  )
})

test('a record moves neither to another place nor to another id', () => {
  fc.assert(
    fc.property(anyRecord, anyExisting, anyOptions, (there, here, options) => {
      const renamed = { ...there, task: { ...there.task, taskId: 'theirs' }, archivedAt: NEW }
      const after = written(here, reconcile(renamed, here, options))
      assert.deepEqual([after?.place, after?.archivedAt], [here.place, here.archivedAt])
      assert.equal(after?.task.taskId, here.task.taskId)
      for (const shard of after?.shards ?? []) assert.equal(shard.uniqcTaskId, here.task.taskId)
    }),
  )
})

test('no row goes back in time, unless the store is overwritten', () => {
  const isBefore = (a: string, b: string) => {
    const [first, second] = [a, b].map((time) => parseInstant(time, 'UTC'))
    return first !== undefined && second !== undefined && first < second
  }
  fc.assert(
    fc.property(anyRecord, anyExisting, (there, here) => {
      const after = written(here, reconcile(there, here, OPTIONS))
      assert.equal(isBefore(after?.task.updateTime ?? '', here.task.updateTime), false)
      for (const shard of here.shards) {
        const now = after?.shards.find(({ shardIndex }) => shardIndex === shard.shardIndex)
        assert.equal(now && isBefore(now.updateTime, shard.updateTime), false)
      }
    }),
    { numRuns: 200 },
  )
})

test('overwriting never conflicts, and leaves every row as it is there', () => {
  fc.assert(
    fc.property(anyRecord, anyExisting, (there, here) => {
      const after = written(here, reconcile(there, here, OVERWRITE))
      const again = reconcile(there, after, OPTIONS)
      assert.equal(again.outcome, 'unchanged')
    }),
    { numRuns: 200 },
  )
})

test('which of two records comes first does not matter, unless they conflict', () => {
  const own = (record: StoredTask): ExistingTask => ({ ...record, archivedAt: null, place: 'live' })
  fc.assert(
    fc.property(anyRecord, anyRecord, (a, b) => {
      const [first, second] = [reconcile(a, own(b), OPTIONS), reconcile(b, own(a), OPTIONS)]
      assert.equal(first.outcome === 'conflict', second.outcome === 'conflict')
      const [here, there] = [written(own(b), first), written(own(a), second)]
      if (first.outcome === 'conflict' || here === undefined || there === undefined) return
      assert.equal(reconcile(here, there, OPTIONS).outcome, 'unchanged')
    }),
    { numRuns: 200 },
  )
})

test('the reason of a conflict names all fields that differ', () => {
  const shared = { backend: 'b', status: 'success', submitTime: '2026-01-01', updateTime: '2026-01-01' }
  const task = { ...shared, taskId: 't', result: null, errorMessage: null, metadata: '{}', shots: 1 }
  const [incoming, existing] = [task, { ...task, status: 'failed', shots: 2 }]
  const options = { overwrite: false, timeZone: 'UTC' }
  const none = { archivedAt: null, shards: [] }
  const found = reconcile({ task: incoming, ...none }, { task: existing, ...none, place: 'live' }, options)
  assert.equal(found.outcome, 'conflict')
  assert.match('reason' in found ? found.reason : '', /^differs \(status, shots\), and neither is newer/)
})

test('metadata that are nested too deeply to compare count as different', () => {
  const nested = (space: string) => `{"a":${'['.repeat(50_000)}${space}${']'.repeat(50_000)}}`
  const shared = { backend: 'b', status: 'success', submitTime: '2026-01-01', updateTime: '2026-01-01' }
  const task = { ...shared, taskId: 't', shots: 0, result: null, errorMessage: null }
  const withMetadata = (metadata: string): StoredTask => ({
    task: { ...task, metadata },
    archivedAt: null,
    shards: [],
  })
  const options = { overwrite: false, timeZone: 'UTC' }
  const found = reconcile(withMetadata(nested('')), { ...withMetadata(nested(' ')), place: 'live' }, options)
  assert.deepEqual(found, {
    outcome: 'conflict',
    reason: 'differs (metadata), and neither is newer: updated at 2026-01-01 there and at 2026-01-01 here',
  })
})
