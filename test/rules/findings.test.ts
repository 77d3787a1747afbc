import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type CheckOptions,
  type FindingKind,
  Findings,
  NAMED_ROWS,
  readCheckOptions,
} from '../../src/rules/findings.ts'
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
