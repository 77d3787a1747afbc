import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type CheckOptions,
  type FindingKind,
  Findings,
  isMismatch,
  NAMED_ROWS,
  readCheck,
  readCheckOptions,
} from '../../src/rules/findings.ts'
import type { RawShard, RawTask } from '../../src/rules/raw-task.ts'
import { isMisuseOf } from '../support/rule-errors.ts'

const REFUSED: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ['null', null, 'options'],
  ['a number', 7, 'options'],
  ['an unknown option', { pendingdays: 7 }, 'pendingdays'],
  ['pendingDays: null', { pendingDays: null }, 'pendingDays'],
  ['pendingDays: "7"', { pendingDays: '7' }, 'pendingDays'],
  ['pendingDays: -1', { pendingDays: -1 }, 'pendingDays'],
  ['pendingDays: NaN', { pendingDays: Number.NaN }, 'pendingDays'],
  ['timeZone: "Mars"', { timeZone: 'Mars' }, 'timeZone'],
  ['timeZone: null', { timeZone: null }, 'timeZone'],
]
for (const [title, options, word] of REFUSED) {
  test(`${title} for the options of a check is a TypeError that names it`, () => {
    assert.throws(() => readCheckOptions(options as CheckOptions), isMisuseOf(word))
  })
}

test('by default a task is long pending after 7 days, in the zone of this machine', () => {
  const defaults = { pendingDays: 7, timeZone: undefined, onProgress: undefined, signal: undefined }
  assert.deepEqual(readCheckOptions(undefined), defaults)
  assert.deepEqual(readCheckOptions({ pendingDays: undefined }), defaults)
  assert.deepEqual(readCheckOptions({ pendingDays: 0, timeZone: 'UTC' }), {
    ...defaults,
    pendingDays: 0,
    timeZone: 'UTC',
  })
  assert.deepEqual(readCheckOptions({ pendingDays: 0.5 }), { ...defaults, pendingDays: 0.5 })
})

const SEVERITIES = {
  'damaged-file': 'error',
  'orphan-shard': 'error',
  'live-and-archived': 'error',
  'duplicate-task': 'error',
  'missing-index': 'warning',
  'unreadable-json': 'warning',
  'fallback-store': 'warning',
  'status-mismatch': 'warning',
  'invalid-time': 'warning',
  'unknown-status': 'info',
  'long-pending': 'info',
} as const satisfies Partial<Record<FindingKind, 'error' | 'warning' | 'info'>>
for (const [kind, severity] of Object.entries(SEVERITIES) as [FindingKind, string][]) {
  test(`${kind} is of the severity ${severity}, and says what it means and what fixes it`, () => {
    const findings = new Findings()
    findings.add(kind, 'row')
    const { isSound, findings: found } = findings.report()
    assert.equal(isSound, severity !== 'error')
    assert.equal(found.length, 1)
    const { message, fix, ...rest } = found[0] ?? assert.fail()
    assert.deepEqual(rest, { kind, severity, count: 1, rows: ['row'] })
    for (const text of [message, fix]) assert.match(text, /\w/)
  })
}

test('a file without findings is sound', () => {
  assert.deepEqual(new Findings().report(), { isSound: true, findings: [] })
  const findings = new Findings()
  findings.addAll('damaged-file', [])
  assert.deepEqual(findings.report(), { isSound: true, findings: [] })
})

test('one error among warnings makes a file unsound', () => {
  const findings = new Findings()
  findings.add('long-pending', 'a')
  findings.add('invalid-time', 'a')
  assert.equal(findings.report().isSound, true)
  findings.add('orphan-shard', 'a')
  assert.equal(findings.report().isSound, false)
})

test('the worst come first, and of one severity the first found', () => {
  const findings = new Findings()
  const kinds = [
    'unknown-status',
    'invalid-time',
    'duplicate-task',
    'long-pending',
    'missing-index',
    'orphan-shard',
  ] as const
  for (const kind of [...kinds, ...kinds.toReversed()]) findings.add(kind, kind)
  assert.deepEqual(
    findings.report().findings.map(({ kind, count }) => [kind, count]),
    [
      ['duplicate-task', 2],
      ['orphan-shard', 2],
      ['invalid-time', 2],
      ['missing-index', 2],
      ['unknown-status', 2],
      ['long-pending', 2],
    ],
  )
})

for (const count of [NAMED_ROWS - 1, NAMED_ROWS, NAMED_ROWS + 1, 3 * NAMED_ROWS]) {
  test(`of ${count} rows all are counted, and ${Math.min(count, NAMED_ROWS)} are named`, () => {
    const rows = Array.from({ length: count }, (_, index) => `row ${index}`)
    const findings = new Findings()
    findings.addAll('invalid-time', rows.values())
    findings.add('long-pending', 'other')
    const [finding, other] = findings.report().findings
    assert.equal(finding?.count, count)
    assert.deepEqual(finding.rows, rows.slice(0, 100))
    assert.deepEqual([other?.count, other?.rows], [1, ['other']])
  })
}

test('the options of a check are read for its times and its steps', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 10 * 86_400_000 })
  const told: object[] = []
  const { times, step } = readCheck({
    pendingDays: 3,
    timeZone: 'UTC',
    onProgress: (progress) => told.push(progress),
  })
  assert.deepEqual(times, { timeZone: 'UTC', oldest: 7 * 86_400_000_000 })
  step({ tasks: 1, shards: 2 })
  assert.deepEqual(told, [{ tasks: 1, shards: 2 }])
  assert.throws(
    () => readCheck({ signal: AbortSignal.abort('enough') }),
    (reason) => reason === 'enough',
  )
})

const MISMATCHES: readonly (readonly [status: string, ofShards: readonly string[], isMismatch: boolean])[] = [
  ['success', ['success', 'success'], false],
  ['failed', ['success', 'success'], true],
  ['running', ['success'], true],
  ['success', ['running'], true],
  ['running', ['running'], false],
  ['pending', ['running', 'success'], false],
  ['queued', ['pending'], false],
  ['failed', ['failed', 'success'], false],
  ['cancelled', ['failed'], true],
]
for (const [status, ofShards, expected] of MISMATCHES) {
  test(`a task that is ${status} with shards that are ${ofShards.join(' and ')} is ${expected ? 'a' : 'no'} mismatch`, () => {
    assert.equal(isMismatch(status, ofShards), expected)
  })
}

const TASK: RawTask = {
  taskId: 't',
  backend: 'b',
  status: 'success',
  shots: 1,
  submitTime: '2026-01-01T00:00:00Z',
  updateTime: '2026-01-02',
  result: '[1]',
  metadata: '{}',
  errorMessage: null,
}
const OLDEST = Date.UTC(2026, 0, 1) * 1000
const found = (findings: Findings) => findings.report().findings.map(({ kind, rows }) => [kind, ...rows])

const TASKS: readonly (readonly [
  what: string,
  given: object,
  kinds: readonly FindingKind[],
  isLive?: boolean,
])[] = [
  ['that is sound', {}, []],
  ['with a null result', { result: null }, []],
  ['with a result that is not JSON', { result: '{' }, ['unreadable-json']],
  ['with metadata that are not JSON', { metadata: 'x' }, ['unreadable-json']],
  ['with metadata that are a list', { metadata: '[]' }, ['unreadable-json']],
  ['with two cells that are not JSON', { result: '{', metadata: '{' }, ['unreadable-json']],
  ['with as many shots as a number holds', { shots: Number.MAX_SAFE_INTEGER }, []],
  ['with more shots than a number holds', { shots: 2 ** 53 }, ['inexact-shots']],
  ['with fewer shots than a number holds', { shots: -(2 ** 53) }, ['inexact-shots']],
  ['with a status of its own', { status: 'queued' }, ['unknown-status']],
  ['with a status in capitals', { status: 'SUCCESS' }, ['unknown-status']],
  ['with a submit time that is none', { submitTime: 'noon' }, ['invalid-time']],
  ['with an update time that is none', { updateTime: '' }, ['invalid-time']],
  ['with a time that is a BLOB', { updateTime: Buffer.from('2026-01-01') }, ['invalid-time']],
  ['that is pending and just as old', { status: 'pending' }, []],
  ['that is pending and older', { status: 'pending', submitTime: '2025-12-31T23:59:59Z' }, ['long-pending']],
  ['that is running and older', { status: 'running', submitTime: '2025-12-31' }, ['long-pending']],
  ['that is done and older', { submitTime: '2025-12-31' }, []],
  ['that is archived, running and older', { status: 'running', submitTime: '2025-12-31' }, [], false],
  ['that is running, since who knows when', { status: 'running', submitTime: 'x' }, ['invalid-time']],
]
for (const [what, given, kinds, isLive = true] of TASKS) {
  test(`a task ${what} has ${kinds.length === 0 ? 'no finding' : `the finding ${kinds}`}`, () => {
    const findings = new Findings()
    findings.addTask({ ...TASK, ...given }, 'row 1', isLive, { timeZone: 'UTC', oldest: OLDEST })
    assert.deepEqual(
      found(findings),
      kinds.map((kind) => [kind, 't']),
    )
    assert.deepEqual(findings.progress, { tasks: 1, shards: 0 })
  })
}

test('a task without an id is named by its row', () => {
  const findings = new Findings()
  const task = { ...TASK, taskId: null as never, result: '{' }
  findings.addTask(task, 'row 7', true, { timeZone: 'UTC', oldest: OLDEST })
  assert.deepEqual(found(findings), [
    ['missing-id', 'row 7'],
    ['unreadable-json', 'row 7'],
  ])
})

test('times without an offset are those of the zone', () => {
  for (const [timeZone, kinds] of [
    ['+08:00', [['long-pending', 't']]],
    ['-08:00', []],
  ] as const) {
    const findings = new Findings()
    const task = { ...TASK, status: 'running', submitTime: '2026-01-01T00:00:00' }
    findings.addTask(task, 'row 1', true, { timeZone, oldest: OLDEST })
    assert.deepEqual(found(findings), kinds)
  }
})

const SHARD: RawShard = {
  uniqcTaskId: 't',
  shardIndex: 3,
  platformTaskId: 'p',
  backend: 'b',
  circuitCount: 1,
  subIndexOffset: 0,
  status: 'success',
  result: '[1]',
  errorMessage: null,
  submitTime: '2026-01-01',
  updateTime: '2026-01-01',
}
for (const [what, given, kinds] of [
  ['that is sound', {}, []],
  ['with a null result', { result: null }, []],
  ['with a result that is not JSON', { result: '{' }, ['unreadable-json']],
  ['with a submit time that is none', { submitTime: 'noon' }, ['invalid-time']],
  ['with an update time that is none', { updateTime: 'noon' }, ['invalid-time']],
] as const) {
  test(`a shard ${what} has ${kinds.length === 0 ? 'no finding' : `the finding ${kinds}`}`, () => {
    const findings = new Findings()
    findings.addShard({ ...SHARD, ...given })
    assert.deepEqual(
      found(findings),
      kinds.map((kind) => [kind, 't, shard 3']),
    )
    assert.deepEqual(findings.progress, { tasks: 0, shards: 1 })
  })
}

test('what can be repaired says by which call', () => {
  const findings = new Findings()
  const repaired = ['orphan-shard', 'duplicate-task', 'missing-index', 'fallback-store'] as const
  for (const kind of repaired) findings.add(kind, 'row')
  for (const { kind, fix } of findings.report().findings)
    assert.match(fix, /^store\.repair\(findings\) \w/, kind)
})

test('the numbers and names in messages are those of the package', () => {
  const findings = new Findings()
  findings.add('inexact-shots', 'row')
  findings.add('unknown-status', 'row')
  const [shots, status] = findings.report().findings
  assert.match(shots?.message ?? '', /beyond 9007199254740991:/)
  assert.match(status?.message ?? '', /other than pending, running, success, failed, cancelled:/)
})
