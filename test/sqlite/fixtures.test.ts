import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import { asc, eq } from 'drizzle-orm'
import { TaskPersistence, TaskStore } from 'uniqc-task-store'
import { archivedTasks, taskShards } from 'uniqc-task-store/schema'
import { copyFixture, FIXTURE_NAMES, isNewest, needsFixtures, readExpected } from '../support/fixtures.ts'
import { byTaskId, pythonShard, pythonTask } from '../support/python-names.ts'

for (const name of FIXTURE_NAMES.filter(isNewest)) {
  test(`${name}: every answer equals UnifiedQuantum's`, needsFixtures, (t) => {
    const expected = readExpected(name)
    assert.ok(expected.tasks.length > 0)
    using store = new TaskStore({ file: copyFixture(t, name) })
    assert.deepEqual(store.list().map(pythonTask), expected.tasks)
    assert.equal(store.count(), expected.count)
    assert.deepEqual(store.countByStatus(), expected.counts_by_status)

    const persistence = new TaskPersistence(store)
    // The records of UnifiedQuantum lack the error: it is in the task alone, or was given as a metadata key.
    const errors = new Map(expected.tasks.map((task) => [task.task_id, task.error_message]))
    const withError = (record: { readonly task_id: string }) => {
      const error = errors.get(record.task_id)
      return error === null ? record : { ...record, error_message: error }
    }
    assert.deepEqual(persistence.listAll(), expected.list_all.map(withError))
    assert.deepEqual(persistence.listPending(), expected.pending.map(withError))
  })

  test(`${name}: the caller's own queries find every shard and archived task`, needsFixtures, (t) => {
    const expected = readExpected(name)
    using store = new TaskStore({ file: copyFixture(t, name) })
    assert.ok(Object.values(expected.shards ?? {}).flat().length > 0)
    for (const [taskId, shards] of Object.entries(expected.shards ?? {})) {
      const found = store.db
        .select()
        .from(taskShards)
        .where(eq(taskShards.uniqcTaskId, taskId))
        .orderBy(asc(taskShards.shardIndex))
        .all()
      assert.deepEqual(found.map(pythonShard), shards)
    }
    const archived = store.db.select().from(archivedTasks).all().map(pythonTask)
    assert.deepEqual(archived.sort(byTaskId), [...(expected.archived ?? [])].sort(byTaskId))
  })
}

for (const name of FIXTURE_NAMES.filter((name) => !isNewest(name))) {
  test(`${name}: every task is there once, found by its old id, with every value`, needsFixtures, (t) => {
    const file = copyFixture(t, name)
    const expected = readExpected(name)
    using store = new TaskStore({ file })
    assert.ok(expected.tasks.length > 0)
    assert.equal(store.count(), expected.count)
    assert.deepEqual(store.countByStatus(), expected.counts_by_status)
    for (const old of expected.tasks) {
      const task = store.get(old.task_id)
      assert.ok(task, old.task_id)
      const { legacy_platform_id, ...metadata } = task.metadata
      assert.equal(legacy_platform_id, old.task_id)
      const { task_id, metadata: oldMetadata, archived_at, error_message = null, ...fields } = old
      const { taskId, backend, status, result, shots, submitTime, updateTime, errorMessage } = task
      assert.match(taskId, /^uqt_[0-9a-f]{32}$/)
      assert.deepEqual(
        { backend, status, result, shots, submit_time: submitTime, update_time: updateTime },
        fields,
      )
      assert.deepEqual(metadata, oldMetadata)
      assert.equal(errorMessage, error_message)
    }
    const order = store.list().map((task) => task.metadata.legacy_platform_id)
    assert.deepEqual(
      order,
      expected.list_all.map((record) => record.task_id),
    )
    const archived = store.db.select().from(archivedTasks).all()
    assert.deepEqual(
      archived.map((task) => task.metadata.legacy_platform_id).sort(),
      (expected.archived ?? []).map((task) => task.task_id).sort(),
    )
    assert.deepEqual(store.db.$client.pragma('foreign_key_check'), [])
    assert.equal(store.db.$client.pragma('integrity_check', { simple: true }), 'ok')

    const copies = readdirSync(dirname(file)).filter((entry) => entry.includes('.before-v5.'))
    assert.equal(copies.length, 1, 'the file as it was is kept beside it')
    const copy = new Database(`${dirname(file)}/${copies[0]}`, { readonly: true })
    assert.equal(copy.prepare('SELECT count(*) FROM tasks').pluck().get(), expected.count)
    assert.equal(copy.prepare("SELECT count(*) FROM tasks WHERE task_id LIKE 'uqt%'").pluck().get(), 0)
    copy.close()
  })

  test(`${name}: the rewrite leaves the text of results and metadata as it was`, needsFixtures, (t) => {
    const file = copyFixture(t, name)
    const before = new Database(file)
    const rows = before.prepare('SELECT task_id, result_json, metadata_json FROM tasks').raw().all()
    before.close()
    assert.equal(rows.length, readExpected(name).count)
    assert.ok(rows.length > 0)
    new TaskStore({ file }).close()
    const after = new Database(file)
    const read = after
      .prepare(`SELECT result_json, metadata_json FROM tasks WHERE task_id =
        (SELECT uniqc_task_id FROM task_shards WHERE platform_task_id = ?)`)
      .raw()
    for (const [taskId, result, metadata] of rows as [string, string | null, string][]) {
      const [newResult, newMetadata] = read.get(taskId) as [string | null, string]
      assert.equal(newResult, result)
      const kept = metadata === '{}' ? '{' : `${metadata.slice(0, -1)}, `
      assert.equal(newMetadata, `${kept}"legacy_platform_id": ${JSON.stringify(taskId)}}`)
    }
    after.close()
  })

  test(
    `${name}: a readonly store reads it as the newest version and leaves it as it is`,
    needsFixtures,
    (t) => {
      const file = copyFixture(t, name)
      const expected = readExpected(name)
      using store = new TaskStore({ file, readonly: true })
      assert.deepEqual(
        store.list().map((task) => task.taskId),
        expected.list_all.map((record) => record.task_id),
      )
      assert.equal(store.count({ status: 'success' }), expected.counts_by_status.success)
      assert.throws(() => store.delete(expected.tasks[0]?.task_id ?? ''), { code: 'READONLY' })
      assert.equal(store.db.$client.pragma('user_version', { simple: true }), Number(name.at(-1)))
    },
  )
}

test('a file with a log that was never checkpointed loses nothing', needsFixtures, (t) => {
  const expected = readExpected('hot-wal')
  assert.ok(expected.list_all.length > 0)
  using store = new TaskStore({ file: copyFixture(t, 'hot-wal') })
  assert.deepEqual(new TaskPersistence(store).listAll(), expected.list_all)
})
