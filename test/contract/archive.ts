import assert from 'node:assert/strict'
import test from 'node:test'
import type { ArchiveMoveOptions } from 'uniqc-task-store'
import type { AnyStore, OpenStore, ReadRows, Row } from '../support/any-store.ts'
import { byKey } from '../support/read-rows.ts'
import { addPlatformId, saveReplacing } from '../support/replaced-id.ts'
import { wrong } from '../support/store.ts'
import { DONE, saveInBothPlaces, saveWithShards } from '../support/tasks-with-shards.ts'
import { throws } from '../support/throws.ts'
import { transact, wait } from '../support/work.ts'

const withoutArchivedAt = (rows: readonly Row[]) => byKey(rows).map(({ archived_at: _, ...row }) => row)

const MISUSES: readonly (readonly [what: string, call: (store: AnyStore) => unknown, message: RegExp])[] = [
  ['archive(5)', (s) => s.archive.archive(wrong(5)), /taskId must be a string/],
  ['archive() with null', (s) => s.archive.archive('a', wrong(null)), /options must be an object/],
  ['archive() with an unknown option', (s) => s.archive.archive('a', wrong({ force: true })), /no "force"/],
  [
    'archive() with onConflict newer',
    (s) => s.archive.archive('a', wrong({ onConflict: 'newer' })),
    /onConf/,
  ],
  ['restore(undefined)', (s) => s.archive.restore(wrong(undefined)), /taskId must be a string/],
  [
    'restore() with onConflict true',
    (s) => s.archive.restore('a', wrong({ onConflict: true })),
    /onConflict/,
  ],
  ['archiveMany() of a string', (s) => s.archive.archiveMany('a'), /taskIds must be an iterable/],
  ['archiveMany() of a number after an id', (s) => s.archive.archiveMany(wrong(['a', 5])), /taskIds must/],
  ['archiveMany() with dryRun', (s) => s.archive.archiveMany(['a'], wrong({ dryRun: true })), /no "dryRun"/],
  ['restoreMany() of null', (s) => s.archive.restoreMany(wrong(null)), /taskIds must be an iterable/],
  ['restoreMany() of a null', (s) => s.archive.restoreMany(wrong(['b', null])), /taskIds must be a string/],
  ['deleteMany() of a number', (s) => s.archive.deleteMany(wrong(['b', 7])), /taskIds must be a string/],
  ['delete(5)', (s) => s.archive.delete(wrong(5)), /taskId must be a string/],
  ['get(5)', (s) => s.archive.get(wrong(5)), /taskId must be a string/],
  ['getShards(5)', (s) => s.archive.getShards(wrong(5)), /taskId must be a string/],
  ['archive.list() with archived', (s) => s.archive.list(wrong({ archived: true })), /no "archived"/],
  ['archive.count() with a limit', (s) => s.archive.count(wrong({ limit: 1 })), /no "limit"/],
  ['list() with archived yes', (s) => s.list(wrong({ archived: 'yes' })), /archived must be/],
  ['list() with archived 1', (s) => s.list(wrong({ archived: 1 })), /archived must be/],
  ['archiveOlderThan()', (s) => s.archive.archiveOlderThan(wrong(undefined)), /options must be an object/],
  ...[
    [{}, /hours must/],
    [{ hours: '1' }, /hours must/],
    [{ hours: -1 }, /hours must/],
    [{ hours: Number.NaN }, /hours must/],
    [{ hours: Infinity }, /hours must/],
    [{ hours: 0, days: 1 }, /no "days"/],
    [{ hours: 0, statuses: [5] }, /statuses must/],
    [{ hours: 0, statuses: null }, /statuses must/],
    [{ hours: 0, dryRun: 1 }, /dryRun must/],
    [{ hours: 0, timeZone: 'Mars' }, /timeZone must.*"Mars"/],
    [{ hours: 0, timeZone: 8 }, /timeZone must/],
    [{ hours: 0, onConflict: 'both' }, /onConflict must/],
  ].map(
    ([options, message]) =>
      [
        `archiveOlderThan(${JSON.stringify(options)})`,
        (store: AnyStore) => store.archive.archiveOlderThan(wrong(options)),
        message as RegExp,
      ] as const,
  ),
]

const { taskId: _, ...done } = DONE

const outcomes = (reports: readonly { taskId: string; outcome: string; error?: { code: string } }[]) =>
  reports.map(({ taskId, outcome, error }) => [taskId, outcome, ...(error ? [error.code] : [])])

export function archiveContract(open: OpenStore, rows: ReadRows): void {
  for (const [what, call, message] of MISUSES) {
    test(`${what} is a TypeError, and nothing moves`, async (t) => {
      const store = await open(t)
      await store.save({ ...DONE, submitTime: '2020-01-01' })
      await store.save({ ...DONE, taskId: 'b' })
      await store.archive.archive('b')
      const before = await rows(store)
      await throws(
        () => call(store),
        (error) => error instanceof TypeError && message.test(error.message),
      )
      assert.deepEqual(await rows(store), before)
    })
  }

  test('a task that does not exist is false, undefined or an empty list', async (t) => {
    const store = await open(t)
    await store.save(DONE)
    const { archive } = store
    assert.deepEqual(
      [
        await archive.archive('gone'),
        await archive.restore('gone'),
        await archive.restore('a'),
        await archive.delete('a'),
      ],
      [false, false, false, false],
    )
    assert.equal(await archive.get('a'), undefined)
    assert.deepEqual(await archive.getShards('a'), [])
    assert.deepEqual([await archive.list(), await archive.count(), await store.count()], [[], 0, 1])
    assert.deepEqual(await archive.archiveMany([]), [])
  })

  test('a task and its shards are archived with one time, and are restored without it', async (t) => {
    const store = await open(t)
    await saveWithShards(store, DONE, 'live', 2)
    const [task, shards] = [await store.get('a'), await store.getShards('a')]
    assert.equal(await store.archive.archive('a'), true)
    assert.deepEqual(
      [await store.get('a'), await store.getShards('a'), await store.findShards('live-0')],
      [undefined, [], []],
    )
    const archived = await store.archive.get('a')
    const archivedAt = archived?.archivedAt
    assert.match(archivedAt ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/)
    assert.deepEqual(archived, { ...task, archivedAt })
    assert.deepEqual(
      await store.archive.getShards('a'),
      shards.map((shard) => ({ ...shard, archivedAt })),
    )
    assert.equal(await store.archive.restore('a'), true)
    assert.deepEqual([await store.get('a'), await store.getShards('a')], [task, shards])
    assert.deepEqual([await store.archive.get('a'), await store.archive.getShards('a')], [undefined, []])
  })

  test('deleting an archived task deletes its shards', async (t) => {
    const store = await open(t)
    await saveWithShards(store, DONE, 'live', 2)
    await saveWithShards(store, { ...DONE, taskId: 'b' }, 'other', 1)
    await store.archive.archiveMany(['a', 'b'])
    assert.equal(await store.archive.delete('a'), true)
    assert.equal(await store.archive.delete('a'), false)
    const { archived_tasks, archived_task_shards } = await rows(store)
    assert.deepEqual([archived_tasks.length, archived_task_shards.length], [1, 1])
    assert.equal((await store.archive.getShards('b')).length, 1)
  })

  for (const direction of ['archive', 'restore'] as const) {
    test(`${direction}: a task that is both live and archived is a CONFLICT that names it, and nothing moves`, async (t) => {
      const store = await open(t)
      await saveInBothPlaces(store)
      const before = await rows(store)
      for (const options of [undefined, {}, { onConflict: 'throw' }] as readonly (
        | ArchiveMoveOptions
        | undefined
      )[]) {
        await throws(
          () => store.archive[direction]('a', options),
          (error: Error & { code?: string }) =>
            error.code === 'CONFLICT' && /"a" is also .*onConflict/.test(error.message),
        )
      }
      assert.deepEqual(await rows(store), before)
    })

    for (const winner of ['live', 'archived'] as const) {
      test(`${direction} with onConflict ${winner} keeps that record, with its own shards only`, async (t) => {
        const store = await open(t)
        await saveInBothPlaces(store)
        const before = await rows(store)
        assert.equal(await store.archive[direction]('a', { onConflict: winner }), true)
        const after = await rows(store)
        const [tasks, shards, noTasks, noShards] =
          direction === 'archive'
            ? (['archived_tasks', 'archived_task_shards', 'tasks', 'task_shards'] as const)
            : (['tasks', 'task_shards', 'archived_tasks', 'archived_task_shards'] as const)
        const ofA = (row: Row) => (row.task_id ?? row.uniqc_task_id) === 'a'
        const [wonTasks, wonShards] =
          winner === 'live'
            ? [before.tasks, before.task_shards]
            : [before.archived_tasks, before.archived_task_shards]
        assert.deepEqual(withoutArchivedAt(after[tasks].filter(ofA)), withoutArchivedAt(wonTasks.filter(ofA)))
        assert.deepEqual(
          withoutArchivedAt(after[shards].filter(ofA)),
          withoutArchivedAt(wonShards.filter(ofA)),
        )
        assert.equal(after[shards].filter(ofA).length, winner === 'live' ? 1 : 2)
        assert.deepEqual([after[noTasks].filter(ofA), after[noShards].filter(ofA)], [[], []])
        assert.ok((await store.get('other')) && (await store.getShards('other')).length === 1)
      })
    }
  }

  test('a replaced id finds its task in the archive; an id that several tasks replaced is AMBIGUOUS_ID', async (t) => {
    const store = await open(t)
    const { taskId } = await saveReplacing(store, 'old', done)
    assert.equal(await store.archive.archive('old'), true)
    assert.equal(await store.archive.archive('old'), false)
    assert.equal((await store.archive.get('old'))?.taskId, taskId)
    assert.equal((await store.archive.getShards('old')).length, 1)
    assert.equal(await store.archive.restore('old'), true)
    assert.equal((await store.get('old'))?.taskId, taskId)
    await store.archive.archive('old')
    const { taskId: another } = await saveReplacing(store, 'old', done)
    await store.archive.archive(another)
    const before = await rows(store)
    const ambiguous = (error: Error & { code?: string }) =>
      error.code === 'AMBIGUOUS_ID' && error.message.includes(taskId) && error.message.includes(another)
    await throws(() => store.archive.restore('old'), ambiguous)
    await throws(() => store.archive.get('old'), ambiguous)
    await throws(() => store.archive.getShards('old'), ambiguous)
    await throws(() => store.archive.delete('old'), ambiguous)
    await store.archive.restoreMany([taskId, another])
    await throws(() => store.archive.archive('old'), ambiguous)
    await store.archive.archiveMany([taskId, another])
    assert.deepEqual(
      withoutArchivedAt((await rows(store)).archived_tasks),
      withoutArchivedAt(before.archived_tasks),
    )
    await store.archive.delete(another)
    assert.equal(await store.archive.delete('old'), true)
    assert.equal(await store.archive.count(), 0)
  })

  test('archiveMany and restoreMany report what happened to each id, in the order of the ids', async (t) => {
    const store = await open(t)
    await saveInBothPlaces(store)
    const { taskId: one } = await saveReplacing(store, 'one', done)
    await saveReplacing(store, 'two', done)
    await saveReplacing(store, 'two', done)
    function* ids() {
      yield* ['a', 'other', 'gone', 'one', 'two', one, 'other']
    }
    assert.deepEqual(outcomes(await store.archive.archiveMany(ids())), [
      ['a', 'conflict', 'CONFLICT'],
      ['other', 'archived'],
      ['gone', 'not-found'],
      ['one', 'archived'],
      ['two', 'ambiguous-id', 'AMBIGUOUS_ID'],
      [one, 'already-there'],
      ['other', 'already-there'],
    ])
    assert.deepEqual(
      (await store.archive.list()).map((task) => task.taskId).toSorted(),
      ['a', 'other', one].toSorted(),
    )
    assert.deepEqual(outcomes(await store.archive.archiveMany(new Set(['a']), { onConflict: 'live' })), [
      ['a', 'archived'],
    ])
    assert.equal((await store.archive.get('a'))?.result, 'live')
    await store.save({ ...DONE, result: 'later' })
    assert.deepEqual(outcomes(await store.archive.restoreMany(['gone', 'one', 'a', 'other', 'other', one])), [
      ['gone', 'not-found'],
      ['one', 'restored'],
      ['a', 'conflict', 'CONFLICT'],
      ['other', 'restored'],
      ['other', 'already-there'],
      [one, 'already-there'],
    ])
    assert.deepEqual(outcomes(await store.archive.restoreMany(['a'], { onConflict: 'archived' })), [
      ['a', 'restored'],
    ])
    assert.equal((await store.get('a'))?.result, 'live')
    assert.deepEqual([await store.archive.count(), await store.count()], [0, 5])
  })

  test('deleteMany deletes archived tasks only, and reports what happened to each id', async (t) => {
    const store = await open(t)
    await saveInBothPlaces(store)
    const ids = [await saveReplacing(store, 'old', done), await saveReplacing(store, 'old', done)].map(
      ({ taskId }) => taskId,
    )
    await store.archive.archiveMany(ids)
    const live = (await rows(store)).tasks
    assert.deepEqual(
      outcomes(await store.archive.deleteMany(['a', 'other', 'old', 'a', ids[0] ?? '', 'old'])),
      [
        ['a', 'deleted'],
        ['other', 'not-found'],
        ['old', 'ambiguous-id', 'AMBIGUOUS_ID'],
        ['a', 'not-found'],
        [ids[0], 'deleted'],
        ['old', 'deleted'],
      ],
    )
    const { archived_tasks, archived_task_shards, tasks } = await rows(store)
    assert.deepEqual([archived_tasks, archived_task_shards], [[], []])
    assert.deepEqual(tasks, live)
  })

  test('more ids than fit into one batch are all archived, restored and deleted', async (t) => {
    const store = await open(t)
    const ids = Array.from({ length: 1003 }, (_, i) => `t${i}`)
    await store.saveMany(ids.map((taskId) => ({ ...DONE, taskId, result: taskId })))
    for (const taskId of ids) await addPlatformId(store, taskId, taskId)
    const before = await rows(store)
    const all = (outcome: string) => ids.map((taskId) => ({ taskId, outcome }))
    assert.deepEqual(await store.archive.archiveMany(ids), all('archived'))
    assert.equal(await store.archive.count(), ids.length)
    assert.deepEqual(await store.archive.restoreMany(ids), all('restored'))
    assert.deepEqual(await rows(store), before)
    await store.archive.archiveMany(ids)
    assert.deepEqual(await store.archive.deleteMany(ids), all('deleted'))
    assert.deepEqual((await rows(store)).archived_task_shards, [])
  })

  test('a bulk call in a transaction that throws moves nothing', async (t) => {
    const store = await open(t)
    await saveInBothPlaces(store)
    const before = await rows(store)
    const moving = () =>
      transact(store, function* (tx) {
        yield* wait(tx.archive.archiveMany(['a', 'other']))
        yield* wait(tx.archive.archiveOlderThan({ hours: 0, onConflict: 'live' }))
        throw new Error('undo')
      })
    await throws(moving, /undo/)
    assert.deepEqual(await rows(store), before)
  })
}
