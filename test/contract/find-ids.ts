import assert from 'node:assert/strict'
import test from 'node:test'
import type { OpenStore } from '../support/any-store.ts'
import { wrong } from '../support/store.ts'
import { throws } from '../support/throws.ts'

const RUNNING = { backend: 'originq', status: 'running' } as const
const IDS = [
  'uqt_00aa',
  'uqt_00ab',
  'uqt_00',
  'uqt_0',
  'Uqt_00aa',
  '任务-1',
  '任务-2',
  'uqt_00\u{10FFFE}',
  '%',
  '_',
]

export function findIdsContract(open: OpenStore): void {
  test('findIds refuses a beginning of no character, and wrong options', async (t) => {
    const store = await open(t)
    for (const [call, argument] of [
      [() => store.findIds(wrong(undefined)), 'beginning'],
      [() => store.findIds(''), 'beginning'],
      [() => store.findIds('a', wrong({ limt: 1 })), 'limt'],
      [() => store.findIds('a', { limit: 0.5 }), 'limit'],
      [() => store.findIds('a', { archived: wrong('yes') }), 'archived'],
    ] as const) {
      await throws(call, (error: Error & { argument?: string }) => error.argument === argument)
    }
  })

  test('findIds returns the ids that begin with a text and no others, in their order', async (t) => {
    const store = await open(t)
    await store.saveMany(IDS.map((taskId) => ({ ...RUNNING, taskId })))
    for (const beginning of [
      'u',
      'uqt_',
      'uqt_00',
      'uqt_00a',
      'uqt_00aa',
      'U',
      '任',
      '任务-',
      '%',
      '_',
      'x',
      'uqt_00aaa',
    ]) {
      const expected = IDS.filter((id) => id.startsWith(beginning)).sort()
      assert.deepEqual(await store.findIds(beginning), expected, beginning)
    }
    assert.deepEqual(await store.findIds('uqt_00', { limit: 2 }), ['uqt_00', 'uqt_00aa'])
    assert.deepEqual(await store.findIds('uqt_00', { limit: 0 }), [])
    assert.deepEqual(await store.findIds('a\0'), [])
  })

  test('findIds looks at the live ids, the archived ones or both, and returns each once', async (t) => {
    const store = await open(t)
    for (const taskId of ['t-1', 't-2', 't-3']) await store.save({ ...RUNNING, taskId })
    await store.archive.archiveMany(['t-2', 't-3'])
    await store.save({ ...RUNNING, taskId: 't-3' })
    assert.deepEqual(await store.findIds('t-'), ['t-1', 't-3'])
    assert.deepEqual(await store.findIds('t-', { archived: true }), ['t-2', 't-3'])
    assert.deepEqual(await store.findIds('t-', { archived: 'both' }), ['t-1', 't-2', 't-3'])
    assert.deepEqual(await store.findIds('t-', { archived: 'both', limit: 2 }), ['t-1', 't-2'])
  })
}
