import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { type NewTaskInfo, TaskStore } from 'uniqc-task-store'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const DESCRIPTORS = '/proc/self/fd'

const needsDescriptors = existsSync(DESCRIPTORS) ? {} : { skip: `there is no ${DESCRIPTORS} here` }

/** What the open descriptors of this process lead to, apart from those of the test itself. */
function openFiles(): string[] {
  return (
    readdirSync(DESCRIPTORS)
      .flatMap((name) => {
        try {
          return [readlinkSync(join(DESCRIPTORS, name))]
        } catch {
          // The one with which the folder was read.
          return []
        }
      })
      // What compiles the tests reads its own cache whenever it likes.
      .filter((target) => target.startsWith('/') && !/^\/dev\/|\/tsx-\d+/.test(target))
      .toSorted()
  )
}

const TASK = { backend: 'originq', status: 'running' } as const

function make(file: string, ...ids: readonly string[]): string {
  using store = new TaskStore({ file })
  store.saveMany(ids.map((taskId) => ({ ...TASK, taskId })))
  return file
}

/** A file that SQLite opens and finds damaged when it reads it. */
function damaged(file: string): string {
  make(file, ...Array.from({ length: 500 }, (_, i) => `t${i}`))
  const bytes = readFileSync(file)
  bytes.fill(0xff, 4096 * 3, 4096 * 8)
  writeFileSync(file, bytes)
  return file
}

/** More than is held in memory; the last of them cannot be stored where they are to fail. */
function* large(fail: boolean): Generator<NewTaskInfo> {
  const result = 'x'.repeat(1_500_000)
  for (let i = 0; i < 30; i++) yield { ...TASK, taskId: `large${i}`, result }
  if (fail) throw new Error('no more tasks')
}

const CALLS: Readonly<Record<string, (store: TaskStore, t: TestContext) => Promise<unknown> | unknown>> = {
  'a merge': (store, t) => store.mergeFile(make(temporaryFile(t), 'b')),
  'a merge of a damaged file': (store, t) =>
    assert.throws(() => store.mergeFile(damaged(temporaryFile(t))), { code: 'CORRUPT_FILE' }),
  'a merge of a file of another program': (store, t) => {
    const file = temporaryFile(t)
    const database = new Database(file)
    database.exec('CREATE TABLE notes (text)')
    database.close()
    assert.throws(() => store.mergeFile(file), { code: 'FOREIGN_FILE' })
  },
  'a backup': (store, t) => store.backup(join(temporaryFolder(t), 'backup')),
  'a backup that what onProgress throws has ended': (store, t) => {
    const onProgress = () => {
      throw new Error('enough')
    }
    const file = join(temporaryFolder(t), 'backup')
    return assert.rejects(store.backup(file, { onProgress }), /enough/)
  },
  'a backup over a file that is there': (store, t) => {
    const file = join(temporaryFolder(t), 'backup')
    writeFileSync(file, '')
    return assert.rejects(store.backup(file), { code: 'CONFLICT' })
  },
  'a backup of a damaged file': async (_store, t) => {
    const file = damaged(temporaryFile(t))
    using store = new TaskStore({ file })
    await assert.rejects(store.backup(`${file}.backup`), { code: 'CORRUPT_FILE' })
  },
  'a saveMany beyond memory': (store) => store.saveMany(large(false)),
  'a saveMany beyond memory that fails': (store) =>
    assert.throws(() => store.saveMany(large(true)), /no more tasks/),
}

/** A folder for all temporary folders of a test. */
function ownTemporaryFolder(t: TestContext): string {
  const folder = temporaryFolder(t)
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  return folder
}

/** The names in a folder, and in those inside it, of what is to be gone after a call. */
const leftIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /unfinished|-wal|-shm|-journal|etilqs/.test(name),
  )

for (const [what, call] of Object.entries(CALLS)) {
  test(`${what} leaves no descriptor, no log and no temporary file behind`, needsDescriptors, async (t) => {
    const before = openFiles()
    const folder = ownTemporaryFolder(t)
    const store = new TaskStore({ file: make(temporaryFile(t), 'a') })
    t.after(() => store.close())
    store.count()
    const opened = openFiles()
    await call(store, t)
    // SQLite keeps the first second descriptor of a file for the next connection that needs one.
    const once = openFiles().length
    assert.ok(once <= opened.length + 1, `${opened.join('\n')}\n\n${openFiles().join('\n')}`)
    for (let i = 0; i < 2; i++) await call(store, t)
    assert.ok(openFiles().length <= once, openFiles().join('\n'))
    assert.equal(leftIn(folder).length, 2, `beside the store's own log: ${leftIn(folder)}`)
    store.close()
    assert.deepEqual(openFiles(), before)
    assert.deepEqual(leftIn(folder), [])
  })
}
