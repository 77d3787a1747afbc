import assert from 'node:assert/strict'
import { linkSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { finish, firstOutput, kill, spawnModule } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary.ts'

const TASK = { backend: 'b', status: 'running' } as const

const unfinished = (folder: string) => readdirSync(folder).filter((name) => name.includes('unfinished'))

/** Runs a call in a process that is killed when it gives a file its name. */
async function killAtNaming(call: string, folder: string): Promise<void> {
  const source = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const [folder] = process.argv.slice(1)
    const file = folder + '/tasks.sqlite'
    const die = () => process.kill(process.pid, 'SIGKILL')
    fs.linkSync = die
    fs.renameSync = die
    syncBuiltinESMExports()
    const { TaskStore } = await import('uniqc-task-store')
    await (${call})
  `
  await assert.rejects(finish(spawnModule(source, folder)), /null/)
}

const CALLS: Readonly<Record<string, string>> = {
  'a backup': `new TaskStore({ file }).backup(folder + '/copy.sqlite')`,
  'an export': `new TaskStore({ file }).exportFile(folder + '/tasks.jsonl')`,
  'a restore': `TaskStore.restoreBackup(folder + '/backup.sqlite', { file })`,
  'a restore to a new file': `TaskStore.restoreBackup(folder + '/backup.sqlite', { file: folder + '/new.sqlite' })`,
  'a new store': `new TaskStore({ file: folder + '/new.sqlite' })`,
}

for (const [what, call] of Object.entries(CALLS)) {
  for (const next of ['opening', 'exporting'] as const) {
    test(`what ${what} left that was killed is gone after ${next} there`, async (t) => {
      const folder = temporaryFolder(t)
      const store = new TaskStore(folder)
      t.after(() => store.close())
      store.save({ ...TASK, taskId: 'a' })
      await store.backup(join(folder, 'backup.sqlite'))
      await killAtNaming(call, folder)
      assert.notDeepEqual(unfinished(folder), [])

      if (next === 'opening') new TaskStore(folder).close()
      else store.exportFile(join(folder, 'next.jsonl'))
      assert.deepEqual(unfinished(folder), [])
      assert.equal(store.count(), 1)
    })
  }
}

test('a store that is only read removes nothing', async (t) => {
  const folder = temporaryFolder(t)
  new TaskStore(folder).close()
  await killAtNaming(CALLS['a backup'] ?? '', folder)
  const before = unfinished(folder)
  assert.notDeepEqual(before, [])
  new TaskStore({ cacheDir: folder, readonly: true }).close()
  assert.deepEqual(unfinished(folder), before)
})

test('what a process that lives is writing stays', async (t) => {
  const folder = temporaryFolder(t)
  using store = new TaskStore(folder)
  store.saveMany(Array.from({ length: 5000 }, (_, i) => ({ ...TASK, taskId: `t${i}` })))
  const source = `
    import { existsSync, writeSync } from 'node:fs'
    import { TaskStore } from 'uniqc-task-store'
    const [folder] = process.argv.slice(1)
    const store = new TaskStore(folder)
    let isBegun = false
    await store.backup(folder + '/copy.sqlite', {
      onProgress: () => {
        if (!isBegun) writeSync(1, 'begun')
        isBegun = true
        while (!existsSync(folder + '/go-on')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      },
    })
  `
  const child = spawnModule(source, folder)
  t.after(() => kill(child))
  const done = finish(child)
  await firstOutput(child)
  const before = unfinished(folder)
  assert.notDeepEqual(before, [])
  new TaskStore(folder).close()
  await store.backup(join(folder, 'other.sqlite'))
  // The thread that copies goes on, and closes the copy's own journal.
  const [copied] = before.filter((name) => !name.endsWith('-journal'))
  assert.ok(unfinished(folder).includes(copied ?? ''), `${copied}`)

  writeFileSync(join(folder, 'go-on'), '')
  await done
  assert.deepEqual(unfinished(folder), [])
  using copy = new TaskStore({ file: join(folder, 'copy.sqlite'), readonly: true })
  assert.equal(copy.count(), 5000)
})

/** Of a process that cannot be seen from here, whose number is perhaps that of another one. */
const ELSEWHERE = 'tasks.sqlite.1.00000000.0123abcd.unfinished'
const TWO_DAYS_AGO = new Date(Date.now() - 2 * 86_400_000)

test('what a process elsewhere is writing stays until nothing was written for a day', (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, ELSEWHERE)
  writeFileSync(file, '')
  new TaskStore(folder).close()
  assert.deepEqual(unfinished(folder), [ELSEWHERE])
  utimesSync(file, TWO_DAYS_AGO, TWO_DAYS_AGO)
  new TaskStore(folder).close()
  assert.deepEqual(unfinished(folder), [])
})

test('what a process elsewhere has given its name goes', (t) => {
  const folder = temporaryFolder(t)
  const store = new TaskStore(folder)
  store.save({ ...TASK, taskId: 'a' })
  store.close()
  linkSync(store.file, join(folder, ELSEWHERE))
  using again = new TaskStore(folder)
  assert.deepEqual(unfinished(folder), [])
  assert.equal(again.count(), 1)
})

test('a file with a name of another form stays', (t) => {
  const folder = temporaryFolder(t)
  const names = [
    'notes.unfinished',
    'tasks.sqlite.0123abcd.unfinished',
    `${ELSEWHERE}2`,
    '1.00000000.unfinished.txt',
  ]
  for (const name of names) {
    writeFileSync(join(folder, name), '')
    utimesSync(join(folder, name), TWO_DAYS_AGO, TWO_DAYS_AGO)
  }
  new TaskStore(folder).close()
  assert.deepEqual(unfinished(folder).toSorted(), names.toSorted())
})
