import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { isSameFile } from '../../src/files/file-identity.ts'
import { runModule } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

test('two files with one inode on two devices are two, and so are two of one device', () => {
  const file = { dev: 1, ino: 2 }
  assert.equal(isSameFile(file, { dev: 1, ino: 2 }), true)
  assert.equal(isSameFile(file, { dev: 2, ino: 2 }), false)
  assert.equal(isSameFile(file, { dev: 1, ino: 3 }), false)
  assert.equal(isSameFile(file, undefined), false)
  assert.equal(isSameFile(undefined, undefined), true)
})

const mount = (folder: string) =>
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'pipe' })

const unmount = (folder: string) => execFileSync('umount', ['-l', folder], { stdio: 'pipe' })

function needsMount(): { readonly skip?: string } {
  const folder = mkdtempSync(join(tmpdir(), 'uniqc-task-store-'))
  try {
    mount(folder)
    unmount(folder)
    return {}
  } catch {
    return { skip: 'no tmpfs may be mounted here' }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** An empty file system: on each, files get the same inodes in the same order. */
function device(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'uniqc-task-store-'))
  mount(folder)
  t.after(() => {
    unmount(folder)
    rmSync(folder, { recursive: true })
  })
  return folder
}

test('a file on another device with the inode of the store is no file of the store', needsMount(), (t) => {
  const [ours, theirs] = [device(t), device(t)]
  using store = new TaskStore({ file: join(ours, 'tasks.sqlite') })
  store.save({ taskId: 'a', backend: 'originq', status: 'running' })
  const { ino, dev } = statSync(store.file)
  const names = Array.from({ length: 20 }, (_, i) => join(theirs, `${i}.jsonl`))
  for (const name of names) writeFileSync(name, '{}')
  const file = names.find((name) => statSync(name).ino === ino)
  if (file === undefined) return t.skip('this file system hands out other inodes')
  assert.notEqual(statSync(file).dev, dev)
  assert.equal(store.exportFile(file, { replace: true }).tasks, 1)
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).task_id, 'a')
})

/** Puts another database with its log under the name of a file that was just looked at, before its log is opened. */
const REPLACED_WHILE_OPENED = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  const [file, other, lookAt] = process.argv.slice(1)
  const { statSync } = fs
  let looks = 0
  fs.statSync = (path, ...options) => {
    const found = statSync(path, ...options)
    if (path === file && ++looks === Number(lookAt)) {
      for (const ending of ['', '-wal']) fs.renameSync(other + ending, file + ending)
    }
    return found
  }
  syncBuiltinESMExports()
  const { TaskStore } = await import('uniqc-task-store')
  const store = new TaskStore({ file })
  const ids = store.list().map((task) => task.taskId).sort()
  store.close()
  console.log(JSON.stringify({ ids, looks }))
`

const IN_FILE = 300

/** A database with tasks in its file, and three more in its log alone, as a killed process leaves it. */
async function leaveLog(file: string, prefix: string): Promise<void> {
  const source = `
    import { TaskStore } from 'uniqc-task-store'
    const [file, prefix] = process.argv.slice(1)
    const some = (prefix, length) =>
      Array.from({ length }, (_, i) => ({ taskId: prefix + i, backend: 'originq', status: 'running' }))
    const first = new TaskStore({ file })
    first.saveMany(some(prefix, ${IN_FILE}))
    first.close()
    const store = new TaskStore({ file })
    store.saveMany(some(prefix + 'log', 3))
    process.kill(process.pid, 'SIGKILL')
  `
  await assert.rejects(runModule(source, file, prefix))
}

for (const lookAt of [1, 2, 3, 4]) {
  test(`a file that is replaced after look ${lookAt} of an open: the log that is opened is that of the file that is`, async (t) => {
    const [file, other] = [temporaryFile(t), temporaryFile(t)]
    await leaveLog(file, 'old')
    new TaskStore({ file }).close()
    await leaveLog(other, 'new')
    const { ids, looks } = JSON.parse(await runModule(REPLACED_WHILE_OPENED, file, other, String(lookAt)))
    assert.ok(looks >= lookAt, `${looks} looks`)
    // After the last look it is open: then it is the file that was replaced, as a whole.
    const prefix = lookAt === 4 ? 'old' : 'new'
    assert.equal(ids.filter((id: string) => id.startsWith(prefix)).length, IN_FILE + 3)
    assert.equal(ids.length, IN_FILE + 3)
    using store = new TaskStore({ file })
    assert.equal(store.list().filter(({ taskId }) => taskId.startsWith('new')).length, IN_FILE + 3)
    assert.deepEqual(
      store.check().findings.filter(({ kind }) => kind !== 'fallback-store'),
      [],
    )
  })
}
