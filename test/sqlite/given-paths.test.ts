import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ArgumentError, TaskPersistence, TaskStore, TaskStoreError } from 'uniqc-task-store'
import { memory } from '../support/store.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** Whether an error is about this argument, and names the call that is meant. */
function isMisuse(argument: string, call: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ArgumentError, String(error))
    assert.deepEqual([error.code, error.argument], ['ERR_INVALID_ARG_VALUE', argument])
    assert.match(error.message, call)
    return true
  }
}

/** What opening a store of the default says, in a process with this environment. */
function openDefault(environment: NodeJS.ProcessEnv, cwd: string, options = '') {
  const program = `import { TaskStore } from 'uniqc-task-store'
    try {
      console.log(new TaskStore(${options}).file)
    } catch (error) {
      console.log(error.name, error.code, error.message)
    }`
  const { UNIQC_CACHE_DIR: _, ...rest } = process.env
  const module = join(cwd, 'open.mjs')
  const entry = JSON.stringify(import.meta.resolve('uniqc-task-store'))
  writeFileSync(module, program.replace("'uniqc-task-store'", entry))
  return execFileSync(process.execPath, [module], { cwd, encoding: 'utf8', env: { ...rest, ...environment } })
}

/** A folder to work in, with a file and nothing else, and no trace of a store when the test ends. */
function emptyFolder(t: TestContext): string {
  const folder = temporaryFolder(t)
  const before = process.cwd()
  process.chdir(folder)
  t.after(() => process.chdir(before))
  writeFileSync('notes', '')
  return folder
}

for (const path of ['tasks.sqlite', 'a/Tasks.DB', './x.sqlite3', 'notes', ':memory:']) {
  test(`a folder ${path} is refused with the call that is meant, and nothing is made`, (t) => {
    const folder = emptyFolder(t)
    const call = new RegExp(`new TaskStore\\(\\{ file: "${path.replaceAll('.', '\\.')}" \\}\\)`)
    assert.throws(() => new TaskStore(path), isMisuse('cacheDir', call))
    assert.throws(() => new TaskStore({ cacheDir: path }), isMisuse('cacheDir', call))
    assert.throws(() => new TaskPersistence(path), isMisuse('cacheDir', call))
    assert.deepEqual(readdirSync(folder), ['notes'])
  })
}

test('a path that begins with ~ is refused everywhere, and nothing is made', async (t) => {
  const folder = emptyFolder(t)
  using store = memory()
  for (const path of ['~', '~/cache', '~\\cache']) {
    assert.throws(() => new TaskStore(path), isMisuse('cacheDir', /homedir\(\)/))
    assert.throws(() => new TaskStore({ file: path }), isMisuse('file', /homedir\(\)/))
    assert.throws(() => store.exportFile(path), isMisuse('file', /homedir\(\)/))
    assert.throws(() => store.importFile(path), isMisuse('path', /homedir\(\)/))
    assert.throws(() => store.mergeFile(path), isMisuse('file', /homedir\(\)/))
    await assert.rejects(async () => store.backup(path), isMisuse('file', /homedir\(\)/))
    assert.throws(() => TaskStore.restoreBackup(path, 'x'), isMisuse('backup', /homedir\(\)/))
  }
  assert.deepEqual(readdirSync(folder), ['notes'])
})

test('a folder that is named like a file is meant with a slash at its end', (t) => {
  const folder = join(temporaryFolder(t), 'tasks.db')
  using store = new TaskStore(`${folder}/`)
  assert.equal(store.file, join(folder, 'tasks.sqlite'))
})

test('a name with ~ in it is a name', (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, '~'))
  using store = new TaskStore(join(folder, '~', 'a~b'))
  assert.ok(existsSync(store.file))
})

test('without a home folder there is no default, and nothing is made where the program runs', (t) => {
  const folder = temporaryFolder(t)
  const output = openDefault({ HOME: '' }, folder)
  assert.match(output, /^TaskStoreError CANNOT_OPEN .*\$HOME is empty; set it or \$UNIQC_CACHE_DIR/)
  assert.deepEqual(readdirSync(folder), ['open.mjs'])
  assert.equal(
    openDefault({ HOME: '', UNIQC_CACHE_DIR: folder }, folder).trim(),
    join(folder, 'tasks.sqlite'),
  )
})

test('a $UNIQC_CACHE_DIR that is a file or begins with ~ is CANNOT_OPEN, and nothing is made', (t) => {
  const folder = temporaryFolder(t)
  for (const [path, message] of [
    ['~/.cache', /^TaskStoreError CANNOT_OPEN \$UNIQC_CACHE_DIR begins with ~/],
    ['tasks.sqlite', /^TaskStoreError CANNOT_OPEN \$UNIQC_CACHE_DIR must be a folder/],
    ['open.mjs', /^TaskStoreError CANNOT_OPEN \$UNIQC_CACHE_DIR must be a folder/],
  ] as const) {
    assert.match(openDefault({ UNIQC_CACHE_DIR: path }, folder), message)
    assert.deepEqual(readdirSync(folder), ['open.mjs'])
  }
})

test('a missing default file that is opened readonly says so, and is not made', (t) => {
  const folder = temporaryFolder(t)
  const output = openDefault({ HOME: folder }, folder, '{ readonly: true }')
  const file = join(folder, '.uniqc/cache/tasks.sqlite')
  assert.ok(output.startsWith(`TaskStoreError CANNOT_OPEN ${file} does not exist`), output)
  assert.match(output, /no program has made the default file yet: open a store without readonly first/)
  assert.deepEqual(readdirSync(folder), ['open.mjs'])
})

test('a missing file that is named says so, too', (t) => {
  const file = join(temporaryFolder(t), 'none.sqlite')
  using store = memory()
  for (const call of [() => new TaskStore({ file, readonly: true }), () => store.mergeFile(file)]) {
    assert.throws(call, (error) => {
      assert.ok(error instanceof TaskStoreError)
      assert.equal(error.code, 'CANNOT_OPEN')
      assert.match(error.message, /none\.sqlite does not exist.*; check the path/)
      return true
    })
  }
})
