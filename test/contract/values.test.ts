import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { JsonValue, NewTaskInfo } from 'uniqc-task-store'
import { memory, RUNNING, wrong } from '../support/store.ts'

const jsonObject = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'task_id', 'legacy_platform_id')),
  fc.jsonValue() as fc.Arbitrary<JsonValue>,
  { noNullPrototype: true },
)
const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => value.isWellFormed())
const anyTask: fc.Arbitrary<NewTaskInfo> = fc.record({
  taskId: text,
  backend: text,
  status: fc.constantFrom('pending', 'running', 'success', 'failed', 'cancelled'),
  shots: fc.nat(),
  submitTime: text,
  updateTime: text,
  result: fc.oneof(fc.jsonValue() as fc.Arbitrary<JsonValue>, fc.constantFrom(Number.NaN, 1n << 80n, null)),
  metadata: jsonObject,
  errorMessage: fc.option(text),
})

test('any task that is saved is loaded as it was', () => {
  using store = memory()
  fc.assert(
    fc.property(anyTask, (task) => {
      const saved = store.save(task, { keepUpdateTime: true })
      assert.deepStrictEqual({ ...saved, metadata: saved.metadata }, { ...task, metadata: saved.metadata })
      assert.deepStrictEqual(store.get(task.taskId), saved)
      assert.equal(store.delete(task.taskId), true)
    }),
    { numRuns: 500 },
  )
})

test('updates merge metadata key by key, in the order they come', () => {
  using store = memory()
  fc.assert(
    fc.property(fc.array(jsonObject, { maxLength: 6 }), (updates) => {
      store.save(RUNNING)
      let expected: Record<string, unknown> = {}
      for (const metadata of updates) {
        expected = { ...expected, ...metadata }
        assert.deepStrictEqual(store.update('a', { metadata })?.metadata, expected)
      }
      assert.deepStrictEqual(store.get('a')?.metadata, expected)
    }),
    { numRuns: 300 },
  )
})

test('what a getter said first is stored, or nothing is', () => {
  for (const second of [Number.NaN, undefined, () => 1, -0, 2 ** 60]) {
    using store = memory()
    let asked = 0
    const value = {
      get x() {
        return asked++ ? second : 1
      },
    }
    store.save({ ...RUNNING, result: wrong([value]) })
    assert.deepStrictEqual(store.get('a')?.result, [{ x: 1 }])
  }
})
