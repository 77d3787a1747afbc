import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { JsonValue, NewTaskInfo } from 'uniqc-task-store'
import type { OpenStore } from '../support/any-store.ts'
import { RUNNING, wrong } from '../support/store.ts'

const jsonObject = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'task_id', 'legacy_platform_id')),
  fc.jsonValue() as fc.Arbitrary<JsonValue>,
  { noNullPrototype: true },
)
const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => value.isWellFormed())
const anyTime = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString())
const anyTask: fc.Arbitrary<NewTaskInfo> = fc.record({
  taskId: text,
  backend: text,
  status: fc.constantFrom('pending', 'running', 'success', 'failed', 'cancelled'),
  shots: fc.nat(),
  submitTime: anyTime,
  updateTime: anyTime,
  result: fc.oneof(fc.jsonValue() as fc.Arbitrary<JsonValue>, fc.constantFrom(Number.NaN, 1n << 80n, null)),
  metadata: jsonObject,
  errorMessage: fc.option(text),
})

/** @param isStorable Whether an engine can hold the task. */
export function valuesContract(
  open: OpenStore,
  isStorable: (task: NewTaskInfo) => boolean = () => true,
): void {
  test('any saved task is loaded as it was', async (t) => {
    const store = await open(t)
    await fc.assert(
      fc.asyncProperty(anyTask.filter(isStorable), async (task) => {
        const saved = await store.save(task, { keepUpdateTime: true })
        assert.deepStrictEqual({ ...saved, metadata: saved.metadata }, { ...task, metadata: saved.metadata })
        assert.deepStrictEqual(await store.get(task.taskId), saved)
        assert.equal(await store.delete(task.taskId), true)
      }),
      { numRuns: 500 },
    )
  })

  test('updates merge metadata key by key, in their order', async (t) => {
    const store = await open(t)
    await fc.assert(
      fc.asyncProperty(fc.array(jsonObject, { maxLength: 6 }), async (updates) => {
        await store.save(RUNNING)
        let expected: Record<string, unknown> = {}
        for (const metadata of updates) {
          expected = { ...expected, ...metadata }
          assert.deepStrictEqual((await store.update('a', { metadata }))?.metadata, expected)
        }
        assert.deepStrictEqual((await store.get('a'))?.metadata, expected)
      }),
      { numRuns: 300 },
    )
  })

  test('a getter is read once: its first value is stored', async (t) => {
    for (const second of [Number.NaN, undefined, () => 1, -0, 2 ** 60]) {
      const store = await open(t)
      let asked = 0
      const value = {
        get x() {
          return asked++ ? second : 1
        },
      }
      await store.save({ ...RUNNING, result: wrong([value]) })
      assert.deepStrictEqual((await store.get('a'))?.result, [{ x: 1 }])
    }
  })
}
