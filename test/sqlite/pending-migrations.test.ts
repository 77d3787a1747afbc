import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import released from '../../src/sqlite/migrating/released-migrations.json' with { type: 'json' }
import { copyFixture, FIXTURE_NAMES, needsFixtures } from '../support/fixtures.ts'
import { temporaryFile } from '../support/temporary.ts'

const TAGS = released.map(({ tag }) => tag)

test('no migration is pending in a file that a store has opened', (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  assert.deepEqual(TaskStore.pendingMigrations({ file }), [])
  assert.deepEqual(TaskStore.pendingMigrations(dirname(file)), [])
})

test('every migration is pending in a file of UnifiedQuantum, which is only read', needsFixtures, (t) => {
  for (const name of FIXTURE_NAMES) {
    const file = copyFixture(t, name)
    const before = readFileSync(file)
    const names = readdirSync(dirname(file))
    assert.deepEqual(TaskStore.pendingMigrations({ file }), TAGS, name)
    assert.ok(readFileSync(file).equals(before), name)
    assert.deepEqual(readdirSync(dirname(file)), names, name)
    new TaskStore({ file }).close()
    assert.deepEqual(TaskStore.pendingMigrations({ file }), [], name)
  }
})

test('the migrations of a database that was handed in, and of one in memory, are told', () => {
  const database = new Database(':memory:')
  assert.deepEqual(TaskStore.pendingMigrations({ database }), TAGS)
  new TaskStore({ database }).close()
  assert.deepEqual(TaskStore.pendingMigrations({ database }), [])
  assert.deepEqual(TaskStore.pendingMigrations({ file: ':memory:' }), TAGS)
})

test('a file that is missing is CANNOT_OPEN, and is not created', (t) => {
  const file = temporaryFile(t)
  assert.throws(() => TaskStore.pendingMigrations({ file }), {
    code: 'CANNOT_OPEN',
    message: /does not exist/,
  })
  assert.deepEqual(readdirSync(dirname(file)), [])
})
