import assert from 'node:assert/strict'
import test from 'node:test'
import { StagedRows } from '../../src/sqlite/tables/staged-rows.ts'

test('rows come as they were added, in their order, however large they are', () => {
  const row = (taskId: string, text: string | null, isTimed = false) => ({
    taskId,
    backend: 'originq:WK_C180',
    status: 'running',
    shots: Number.MAX_SAFE_INTEGER,
    submitTime: '2026-05-03T01:02:03.123456+00:00',
    isTimed,
    updateTime: '2026-05-03T01:02:03.123457+00:00',
    isStamped: !isTimed,
    result: text,
    metadata: '{}',
    errorMessage: text?.slice(0, 100) ?? null,
    namesReplacedId: 1 as const,
  })
  // As JSON it would take more characters than a string can have.
  const large = '\u0001'.repeat(2 ** 26 + 2 ** 25)
  const texts = [null, '', '\0', '"\\', 'é🙂', '{"a":[1.0,NaN]}', 'x'.repeat(200_000)]
  const rows = Array.from({ length: 3000 }, (_, i) =>
    row(`t${i}`, i === 1500 ? large : (texts[i % texts.length] as string | null), i % 2 === 0),
  )
  using staged = new StagedRows()
  for (const one of rows) staged.add(one)
  assert.equal(staged.count, rows.length)
  let at = 0
  for (const one of staged) {
    const expected = rows[at++]
    // Not deepStrictEqual of all: what differs could not be shown.
    for (const [name, value] of Object.entries(one)) {
      assert.ok(value === expected?.[name as keyof typeof expected], `${name} of row ${at - 1}`)
    }
    assert.deepEqual(Object.keys(one), Object.keys(expected ?? {}))
  }
  assert.equal(at, rows.length)
})
