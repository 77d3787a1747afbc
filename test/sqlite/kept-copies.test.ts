import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

/** A store with something to repair. */
function open(t: TestContext) {
  const store = new TaskStore({ file: temporaryFile(t) })
  t.after(() => store.close())
  const spoil = () => store.db.$client.exec('DROP INDEX IF EXISTS tasks_backend_idx')
  const repair = () => {
    spoil()
    return store.repair(store.check().findings).backup ?? ''
  }
  const copies = () => readdirSync(dirname(store.file)).filter((name) => name.includes('.before-repair.'))
  return { store, repair, copies }
}

/** A copy of a year that is yet to come, as an older clock had it. */
function plant(file: string, name: string, mtime: Date): string {
  const path = `${file}.${name}`
  writeFileSync(path, 'planted')
  utimesSync(path, mtime, mtime)
  return path
}

test('the copy that was just made stays, whatever the clock said when the others were made', (t) => {
  const { store, repair, copies } = open(t)
  for (let i = 0; i < 7; i++)
    plant(store.file, `before-repair.2099010${i + 1}T000000.000Z`, new Date(2000 + i, 0))
  const backup = repair()
  assert.ok(existsSync(backup))
  // The newest by the time of the file.
  assert.deepEqual(
    copies().toSorted(),
    [
      basename(backup),
      ...[4, 5, 6, 7].map((i) => `tasks.sqlite.before-repair.2099010${i}T000000.000Z`),
    ].toSorted(),
  )
})

test('files with names that only look like those of copies stay', (t) => {
  const { store, repair } = open(t)
  const names = [
    'before-repair.of-may',
    'before-repair.20260101T000000.000Z.gz',
    'before-repair.2026',
    'before-repair.x.20260101T000000.000Z',
  ]
  const planted = names.map((name) => plant(store.file, name, new Date(2000, 0)))
  for (let i = 0; i < 7; i++) repair()
  for (const path of planted) assert.equal(readFileSync(path, 'utf8'), 'planted')
})

test('what a killed process left of a copy is removed by the next one', (t) => {
  const { store, repair, copies } = open(t)
  const time = 'before-repair.20260503T000000.000Z'
  for (const ending of ['', '-journal', '-wal', '-shm']) {
    plant(store.file, `${time}.1.00000000.0123abcd.unfinished${ending}`, new Date(2000, 0))
  }
  const other = plant(store.file, 'before-repair.of-may.unfinished', new Date(2000, 0))
  const backup = repair()
  assert.deepEqual(copies().toSorted(), [basename(backup), basename(other)].toSorted())
})

test('two copies of one millisecond get two names', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 4, 3) })
  const { repair } = open(t)
  const backups = [repair(), repair(), repair()]
  assert.deepEqual(
    backups.map((path) => path.slice(-'20260503T000000.000Z'.length)),
    ['20260503T000000.000Z', '20260503T000000.001Z', '20260503T000000.002Z'],
  )
})

test('a copy that cannot be removed does not fail the call that made another', (t) => {
  const { store, repair, copies } = open(t)
  for (let i = 0; i < 6; i++) {
    mkdirSync(`${store.file}.before-repair.2020010${i + 1}T000000.000Z`)
    utimesSync(
      `${store.file}.before-repair.2020010${i + 1}T000000.000Z`,
      new Date(2000, 0),
      new Date(2000, 0),
    )
  }
  const backup = repair()
  assert.ok(existsSync(backup))
  assert.equal(copies().length, 7)
  assert.deepEqual(store.check().findings, [])
})
