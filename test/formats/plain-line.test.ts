import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseAnyLine } from '../../src/formats/parse-record.ts'
import { parsePlainLine, readPlainHead } from '../../src/formats/plain-line.ts'
import { writeRecord } from '../../src/formats/write-record.ts'
import type { RawShard, RawTask, StoredTask } from '../../src/rules/raw-task.ts'
import { mutated } from '../support/json-texts.ts'

const TASK: RawTask = {
  taskId: 'uqt_1',
  backend: 'originq:WK_C180',
  status: 'success',
  shots: 1000,
  submitTime: '2026-01-01T00:00:00.000000+00:00',
  updateTime: '2026-01-02T00:00:00.000000+00:00',
  result: '{"00": 512, "11": 488}',
  metadata: '{"note": "a\\nb", "n": -5, "is": true, "none": null, "é": "ü"}',
  errorMessage: null,
}

const SHARD: RawShard = {
  uniqcTaskId: 'uqt_1',
  shardIndex: 0,
  platformTaskId: 'p-1',
  backend: 'originq:WK_C180',
  circuitCount: 2,
  subIndexOffset: 10,
  status: 'success',
  result: '{"0":1}',
  errorMessage: 'stopped',
  submitTime: TASK.submitTime,
  updateTime: TASK.updateTime,
}

const PLAIN: Readonly<Record<string, StoredTask>> = {
  'a live task': { task: TASK, archivedAt: null, shards: [] },
  'a task without a result': {
    task: { ...TASK, result: null, metadata: '{}', errorMessage: 'no qubits' },
    archivedAt: null,
    shards: [],
  },
  'an archived task': { task: TASK, archivedAt: TASK.updateTime, shards: [] },
  'a task with shards': {
    task: TASK,
    archivedAt: null,
    shards: [SHARD, { ...SHARD, shardIndex: 1, result: null, errorMessage: null }],
  },
}

for (const [what, task] of Object.entries(PLAIN)) {
  test(`the line of ${what} is read without parsing it`, () => {
    assert.deepStrictEqual(parsePlainLine(writeRecord(task)), task)
  })
}

const OTHERS: Readonly<Record<string, Partial<RawTask>>> = {
  'with an escape': { backend: 'a"b' },
  'with an empty error': { errorMessage: '' },
  'with a list for a result': { result: '[1, 2]' },
  'with a tag': { metadata: '{"$int":"5"}' },
  'with a long integer': { metadata: '{"n": 12345678901234567}' },
  'that is very long': { metadata: `{"text": "${'x'.repeat(200_000)}"}` },
}

for (const [what, fields] of Object.entries(OTHERS)) {
  test(`a line ${what} is left to the parser`, () => {
    assert.equal(
      parsePlainLine(writeRecord({ task: { ...TASK, ...fields }, archivedAt: null, shards: [] })),
      undefined,
    )
  })
}

/** Those of tasks with shards are not read. */
function headOf({ task, archivedAt, shards }: StoredTask) {
  const place = archivedAt === null ? 'live' : 'archived'
  return shards.length > 0 ? undefined : { taskId: task.taskId, place }
}

test('a line that is read without parsing it says what the parser reads in it', () => {
  let plain = 0
  fc.assert(
    fc.property(mutated(Object.values(PLAIN).map(writeRecord)), (text) => {
      // As is every line of a file.
      if (!text.isWellFormed()) return
      const read = parsePlainLine(text)
      assert.deepStrictEqual(readPlainHead(text), read && headOf(read))
      if (read === undefined) return
      plain++
      assert.deepStrictEqual(read, parseAnyLine(text))
    }),
    { numRuns: 20_000 },
  )
  assert.ok(plain > 500, `only ${plain} lines were plain`)
})
