import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { ListedSummary, TaskFilter } from 'uniqc-task-store'
import type { OpenStore } from '../support/any-store.ts'
import { importTasks } from '../support/import-tasks.ts'
import { saveReplacing } from '../support/replaced-id.ts'
import { wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'
import { BACKENDS, STATUSES, TIMES } from './page.ts'

const RUNNING = { backend: 'originq', status: 'running' } as const
const NONE = { pending: 0, running: 0, success: 0, failed: 0, cancelled: 0 }

/** @param odd A text that the engine can hold, and that a careless query cuts short. */
export function manyAndCountsContract(open: OpenStore, odd = 'c\0d'): void {
  for (const ids of [undefined, null, 'a', 5, {}, [5], ['a', null]]) {
    test(`getMany(${JSON.stringify(ids)}) is a TypeError that names taskIds`, async (t) => {
      const store = await open(t)
      await throws(() => store.getMany(wrong(ids)), { name: 'TypeError', message: /^taskIds must be/ })
    })
  }

  test('getMany returns one task for each id, in the order of the ids, and undefined for what is missing', async (t) => {
    const store = await open(t)
    for (const taskId of ['a', 'b', odd, 'archived', "it's"]) {
      await store.save({ ...RUNNING, taskId, result: [taskId] })
    }
    await store.archive.archive('archived')
    const ids = [odd, 'x', 'b', 'archived', 'a', 'b', '', "it's", 'uqt_x', 'c']
    const expected = []
    for (const id of ids) expected.push(await store.get(id))
    const found = await store.getMany(new Set(ids).values())
    assert.deepEqual(found, [...expected.slice(0, 5), ...expected.slice(6)])
    assert.deepEqual(await store.getMany(ids), expected)
    assert.deepEqual(
      found.map((task) => task?.taskId),
      [odd, undefined, 'b', undefined, 'a', undefined, "it's", undefined, undefined],
    )
    assert.deepEqual(await store.getMany([]), [])
  })

  test('getMany finds the tasks of replaced ids, and an id that several tasks replaced is AMBIGUOUS_ID', async (t) => {
    const store = await open(t)
    const { taskId } = await saveReplacing(store, 'old', { result: 1 })
    const found = await store.getMany(['old', taskId, 'older'])
    assert.deepEqual(
      found.map((task) => task?.taskId),
      [taskId, taskId, undefined],
    )
    await saveReplacing(store, 'twice')
    await saveReplacing(store, 'twice')
    await throws(
      () => store.getMany(['old', 'twice']),
      (error: Error & { code?: string }) => {
        return error.code === 'AMBIGUOUS_ID'
      },
    )
  })

  test('getMany returns more tasks than it looks for at once', async (t) => {
    const store = await open(t)
    const ids = Array.from({ length: 1203 }, (_, i) => `t${i}`)
    await store.saveMany(ids.map((taskId) => ({ ...RUNNING, taskId })))
    const asked = [...ids.toReversed(), 'missing']
    const found = await store.getMany(asked)
    assert.deepEqual(
      found.map((task) => task?.taskId),
      [...ids.toReversed(), undefined],
    )
  })

  test('pages of summaries are the pages of tasks, without results and metadata', async (t) => {
    const store = await open(t)
    for (let i = 0; i < 7; i++) {
      const submitTime = `2026-01-0${1 + (i % 3)}`
      await store.save({
        ...RUNNING,
        taskId: `t${i}`,
        submitTime,
        result: i % 2 ? [i] : null,
        metadata: { i },
      })
    }
    await store.archive.archive('t3')
    for (const archived of [undefined, true, 'both'] as const) {
      const summaries: ListedSummary[] = []
      for (let after: string | undefined; ; ) {
        const options = { archived, limit: 2, after }
        const page = await store.pageSummaries(options)
        assert.equal(page.next, (await store.page(options)).next)
        summaries.push(...page.items)
        if (page.next === undefined) break
        after = page.next
      }
      assert.deepEqual(summaries, await store.listSummaries({ archived }))
    }
    assert.ok(!('result' in ((await store.pageSummaries()).items[0] ?? {})))
    assert.equal((await store.pageSummaries()).items.length, 6)
  })

  test('a page of no summaries is a TypeError that names limit', async (t) => {
    const store = await open(t)
    for (const limit of [0, -1, 0.5, '1']) {
      await throws(() => store.pageSummaries({ limit: wrong(limit) }), {
        name: 'TypeError',
        message: /^limit must be/,
      })
    }
  })

  test('the archive counts its tasks by status, and the five are always there', async (t) => {
    const store = await open(t)
    assert.deepEqual(await store.archive.countByStatus(), NONE)
    await importTasks(t, store, [
      { taskId: 'a', backend: 'ibm:fez', status: 'queued', submitTime: '2026-01-01', isArchived: true },
      { taskId: 'b', backend: 'ibm', status: 'failed', submitTime: '2026-01-02', isArchived: true },
      { taskId: 'c', backend: 'ibm', status: 'failed', submitTime: '2026-01-03' },
    ])
    assert.deepEqual(await store.archive.countByStatus(), { ...NONE, failed: 1, queued: 1 })
    assert.deepEqual(await store.archive.countByStatus({ backend: 'ibm:fez' }), { ...NONE, queued: 1 })
    await throws(() => store.archive.countByStatus(wrong({ limit: 1 })), { name: 'TypeError' })
  })

  test('a backend is counted by its name, whatever it is', async (t) => {
    const store = await open(t)
    assert.deepEqual(await store.countByBackend(), {})
    const backends = ['__proto__', 'constructor', 'ibm', '任务', odd]
    for (const [i, backend] of backends.entries()) await store.save({ ...RUNNING, taskId: `t${i}`, backend })
    const counts = await store.countByBackend()
    assert.deepEqual(Object.entries(counts).toSorted(), backends.map((name) => [name, 1]).toSorted())
    assert.equal(Object.getPrototypeOf(counts), Object.prototype)
    await throws(() => store.countByBackend(wrong({ limit: 1 })), { name: 'TypeError' })
  })
}

const ROW = fc.record({
  backend: fc.constantFrom(...BACKENDS),
  status: fc.constantFrom(...STATUSES),
  submitTime: fc.constantFrom(...TIMES),
  isArchived: fc.boolean(),
})

const FILTER = fc.record(
  {
    status: fc.oneof(fc.constantFrom(...STATUSES), fc.array(fc.constantFrom(...STATUSES), { maxLength: 4 })),
    backend: fc.constantFrom(...BACKENDS),
    platform: fc.constantFrom('originq', 'ibm', 'dummy', 'dummy:a', 'none'),
    submittedAfter: fc.constantFrom(...TIMES),
    submittedBefore: fc.constantFrom(...TIMES),
  },
  { requiredKeys: [] },
)

/** What the counts of any filter are: those of the list that it selects. */
export function anyCountContract(open: OpenStore): void {
  test('any filter counts by backend and by status what it lists', async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(ROW, { maxLength: 25 }),
        fc.array(FILTER, { maxLength: 8 }),
        async (rows, filters) => {
          const store = await open(t)
          if (rows.length > 0) {
            await importTasks(
              t,
              store,
              rows.map((row, i) => ({ ...row, taskId: `t${i}` })),
            )
          }
          for (const filter of [{}, ...filters] as TaskFilter[]) {
            const live = await store.list(filter)
            assert.deepEqual(await store.countByBackend(filter), tally(live.map(({ backend }) => backend)))
            const archived = await store.archive.list(filter)
            const byStatus = tally(archived.map(({ status }) => status))
            assert.deepEqual(await store.archive.countByStatus(filter), { ...NONE, ...byStatus })
          }
        },
      ),
      { numRuns: 40 },
    )
  })
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
