import assert from 'node:assert/strict'
import test from 'node:test'
import type { ListedSummary } from 'uniqc-task-store'
import type { AnyStore, OpenStore } from '../support/any-store.ts'
import { wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'

const RUNNING = { backend: 'originq', status: 'running' } as const
const idsOf = (list: readonly ListedSummary[]) => list.map(({ taskId }) => taskId)

/** What the watched list is after each of some changes. */
async function watched(
  store: AnyStore,
  changes: readonly (() => unknown)[],
  limit = -1,
): Promise<string[][]> {
  const lists: string[][] = []
  let i = 0
  for await (const list of await store.watch({ status: 'running', limit }, { interval: 1 })) {
    lists.push(idsOf(list))
    const change = changes[i++]
    if (change === undefined) return lists
    await change()
  }
  return lists
}

export function watchContract(open: OpenStore): void {
  test('watch refuses wrong options before it is iterated', async (t) => {
    const store = await open(t)
    for (const [call, argument] of [
      [() => store.watch(wrong({ limt: 1 })), 'limt'],
      [() => store.watch({}, wrong({ every: 1 })), 'every'],
      [() => store.watch({}, { interval: 0 }), 'interval'],
      [() => store.watch({}, { interval: 2 ** 31 }), 'interval'],
      [() => store.watch({}, { signal: wrong('x') }), 'signal'],
    ] as const) {
      await throws(call, (error: Error & { argument?: string }) => error.argument === argument)
    }
  })

  test('watch yields the list at once, and again after each change of what it lists', async (t) => {
    const store = await open(t)
    await store.save({ ...RUNNING, taskId: 'a', submitTime: '2026-01-01T00:00:00' })
    const lists = await watched(store, [
      () => store.save({ ...RUNNING, taskId: 'b', submitTime: '2026-01-02T00:00:00' }),
      () => store.update('a', { status: 'success' }),
      () => store.delete('b'),
    ])
    assert.deepEqual(lists, [['a'], ['b', 'a'], ['b'], []])
  })

  test('watch says nothing of a change that its list does not show', async (t) => {
    const store = await open(t)
    const save = (taskId: string, submitTime: string) => store.save({ ...RUNNING, taskId, submitTime })
    await save('b', '2026-01-02T00:00:00')
    const unseen = async () => {
      await save('a', '2026-01-01T00:00:00')
      await store.save({ taskId: 'z', backend: 'x', status: 'success' })
      setTimeout(() => save('c', '2026-01-03T00:00:00'), 20)
    }
    assert.deepEqual(await watched(store, [unseen], 1), [['b'], ['c']])
  })

  test('watch ends with the reason of its signal, also while nothing changes', async (t) => {
    const store = await open(t)
    const reason = new Error('enough')
    const controller = new AbortController()
    const lists = await store.watch({}, { interval: 2 ** 31 - 1, signal: controller.signal })
    assert.deepEqual((await lists.next()).value, [])
    const next = lists.next()
    setImmediate(() => controller.abort(reason))
    await assert.rejects(next, reason)
    const late = await store.watch({}, { signal: controller.signal })
    await assert.rejects(late.next(), reason)
  })

  test('watch throws what its store throws', async (t) => {
    const store = await open(t)
    const lists = await store.watch({}, { interval: 1 })
    await lists.next()
    await store.close()
    await assert.rejects(lists.next(), { code: 'CLOSED' })
  })
}
