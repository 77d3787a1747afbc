import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const FOREIGN_ID = 0x12345678

/** A file of another program that holds nothing yet. */
function empty(t: TestContext): string {
  const file = temporaryFile(t)
  const database = new Database(file)
  database.pragma(`application_id = ${FOREIGN_ID}`)
  database.close()
  return file
}

/** A file of another program with the very tables and rows of a store. */
function alike(t: TestContext): string {
  const file = temporaryFile(t)
  using store = new TaskStore({ file })
  store.save({ taskId: 'theirs', backend: 'originq', status: 'running' })
  store.db.$client.pragma('journal_mode = DELETE')
  store.db.$client.pragma(`application_id = ${FOREIGN_ID}`)
  return file
}

for (const [what, make] of [
  ['no table', empty],
  ['tables like ours', alike],
] as const) {
  for (const [how, open] of [
    ['opened', (file: string) => new TaskStore({ file })],
    ['opened readonly', (file: string) => new TaskStore({ file, readonly: true })],
    ['opened in its folder', (file: string) => new TaskStore(dirname(file))],
    [
      'merged',
      (file: string) => {
        using store = new TaskStore({ file: ':memory:' })
        store.mergeFile(file)
      },
    ],
    ['restored', (file: string) => TaskStore.restoreBackup(file, { file: `${file}.store` })],
  ] as const) {
    test(`a file with another application_id and ${what} that is ${how}: FOREIGN_FILE, byte for byte unchanged`, (t) => {
      const file = make(t)
      const before = readFileSync(file)
      assert.throws(() => open(file), { code: 'FOREIGN_FILE', message: /application_id 305419896/ })
      assert.deepEqual(readFileSync(file), before)
      assert.deepEqual(readdirSync(dirname(file)), ['tasks.sqlite'])
    })
  }
}

test('a store is not restored over a file with another application_id, which stays byte for byte', (t) => {
  const backup = temporaryFile(t)
  new TaskStore({ file: backup }).close()
  for (const make of [empty, alike]) {
    const file = make(t)
    const before = readFileSync(file)
    assert.throws(() => TaskStore.restoreBackup(backup, { file }), { code: 'FOREIGN_FILE' })
    assert.deepEqual(readFileSync(file), before)
    assert.deepEqual(readdirSync(dirname(file)), ['tasks.sqlite'])
  }
})
