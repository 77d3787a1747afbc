import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type BuildOptions, build } from 'esbuild'
import { makeConsumer } from '../support/consumer.ts'
import { temporaryFolder } from '../support/temporary.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const OLD_FILE = join(ROOT, 'test/files/uniqc-0.0.7-schema1.sqlite')

/** What a program does with the package: a file of its own, an old one, queries of its own, errors. */
const PROGRAM = `
  import Database from 'better-sqlite3'
  import { eq } from 'drizzle-orm'
  import { TaskStore, TaskStoreError, UnreadableJson } from 'uniqc-task-store'
  import { tasks } from 'uniqc-task-store/schema'

  const [fresh, old] = process.argv.slice(2)
  const store = new TaskStore({ file: fresh, timeout: 0 })
  const big = { counts: { '00': 2n ** 70n }, wrong: Number.NaN }
  store.save({ taskId: 'a', backend: 'b', status: 'running', result: big })
  const [found] = store.db.select().from(tasks).where(eq(tasks.taskId, 'a')).all()
  console.log(found.result.counts['00'] === 2n ** 70n, Number.isNaN(found.result.wrong))
  store.db.update(tasks).set({ result: { counts: { '11': 5n } } }).where(eq(tasks.taskId, 'a')).run()
  console.log(store.get('a').result.counts['11'])

  store.db.$client.prepare("UPDATE tasks SET result_json = '{torn'").run()
  const [torn] = store.db.select().from(tasks).all()
  console.log(torn.result instanceof UnreadableJson, store.get('a').result instanceof UnreadableJson)

  const codeOf = (work) => { try { work() } catch (error) { return error instanceof TaskStoreError && error.code } }
  const other = new Database(fresh)
  other.exec('BEGIN IMMEDIATE')
  console.log(codeOf(() => store.delete('a')), codeOf(() => store.save({ taskId: '' })))
  other.close()
  store.db.$client.pragma('query_only = ON')
  console.log(codeOf(() => store.transaction(() => store.db.update(tasks).set({ shots: 1 }).run())))

  const upgraded = new TaskStore({ file: old })
  console.log(upgraded.count(), upgraded.check().isSound)
`
const PRINTED = `true true
5
true true
LOCKED INVALID_TASK
READONLY
59 true
`

const FORMS: readonly (readonly [what: string, options: BuildOptions])[] = [
  ['an ES module', { format: 'esm' }],
  ['a minified ES module', { format: 'esm', minify: true }],
  ['a CommonJS module', { format: 'cjs' }],
  ['a minified CommonJS module', { format: 'cjs', minify: true }],
]

/** Where the package was when it was bundled is gone; only better-sqlite3 is there. */
function moveAway(t: TestContext, bundle: string, extension: string): string {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(join(ROOT, 'node_modules/better-sqlite3'), join(folder, 'node_modules/better-sqlite3'))
  copyFileSync(bundle, join(folder, `program.${extension}`))
  copyFileSync(OLD_FILE, join(folder, 'old.sqlite'))
  return folder
}

test('a program that was bundled with the package, all but better-sqlite3', async (t) => {
  const consumer = temporaryFolder(t)
  makeConsumer(consumer)
  writeFileSync(join(consumer, 'program.js'), PROGRAM)
  const bundles: { what: string; extension: string; file: string; text: string }[] = []
  for (const [index, [what, options]] of FORMS.entries()) {
    const extension = options.format === 'cjs' ? 'cjs' : 'mjs'
    const file = join(consumer, `bundle-${index}.${extension}`)
    const { warnings } = await build({
      ...options,
      absWorkingDir: consumer,
      entryPoints: ['program.js'],
      outfile: file,
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      external: ['better-sqlite3'],
      // Else the bundle has the path of each file in a comment.
      minifyWhitespace: true,
      logLevel: 'silent',
    })
    assert.deepEqual(warnings, [])
    bundles.push({
      what,
      extension,
      file: join(temporaryFolder(t), 'bundle'),
      text: readFileSync(file, 'utf8'),
    })
  }
  rmSync(join(consumer, 'node_modules'), { recursive: true })
  for (const { what, extension, file, text } of bundles) {
    writeFileSync(file, text)
    await t.test(`runs as ${what}`, (t) => {
      const folder = moveAway(t, file, extension)
      const program = [`program.${extension}`, join(folder, 'new/tasks.sqlite'), join(folder, 'old.sqlite')]
      const output = execFileSync(process.execPath, program, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
      assert.equal(output, PRINTED)
    })
    await t.test(`holds no path of the machine that bundled it, as ${what}`, () => {
      for (const path of [ROOT, consumer]) assert.ok(!text.includes(path), path)
    })
  }
})

const IN_A_THREAD = `
  import { TaskStoreError } from 'uniqc-task-store'
  import { WorkerTaskStore } from 'uniqc-task-store/worker'

  const store = await WorkerTaskStore.open({ file: process.argv[2] })
  const { result } = await store.save({ taskId: 'a', backend: 'b', status: 'running', result: 2n ** 70n })
  console.log(result === 2n ** 70n, await store.count())
  await store.save({ taskId: '' }).catch((error) => console.log(error instanceof TaskStoreError, error.code))
  await store.exportFile('missing/x').catch((error) => console.log(error instanceof TaskStoreError, error.code))
  await store.close()
`

for (const minify of [false, true]) {
  const what = minify ? 'a minified program' : 'a program'
  test(`${what} that was bundled with a store in a thread, whose program is an entry of its own`, async (t) => {
    const consumer = temporaryFolder(t)
    makeConsumer(consumer)
    writeFileSync(join(consumer, 'program.js'), IN_A_THREAD)
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(join(ROOT, 'node_modules/better-sqlite3'), join(folder, 'node_modules/better-sqlite3'))
    const { warnings } = await build({
      absWorkingDir: consumer,
      entryPoints: ['program.js', { in: 'uniqc-task-store/worker/program', out: 'worker/program' }],
      outdir: join(folder, 'out'),
      bundle: true,
      splitting: true,
      minify,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      external: ['better-sqlite3'],
      logLevel: 'silent',
    })
    assert.deepEqual(warnings, [])
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const program = ['out/program.js', join(folder, 'tasks.sqlite')]
    const output = execFileSync(process.execPath, program, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
    assert.equal(output, 'true 1\ntrue INVALID_TASK\ntrue CANNOT_OPEN\n')
  })
}

test('a bundle without the program of the thread says what is missing', async (t) => {
  const consumer = temporaryFolder(t)
  makeConsumer(consumer)
  const text = `
    import { WorkerTaskStore } from 'uniqc-task-store/worker'
    await WorkerTaskStore.open({ file: ':memory:' }).catch(({ code, message }) => console.log(code, message))
  `
  writeFileSync(join(consumer, 'program.js'), text)
  await build({
    absWorkingDir: consumer,
    entryPoints: ['program.js'],
    outfile: 'out.mjs',
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['better-sqlite3'],
    logLevel: 'silent',
  })
  const output = execFileSync(process.execPath, ['out.mjs'], {
    cwd: consumer,
    encoding: 'utf8',
    stdio: 'pipe',
  })
  assert.match(output, /^CANNOT_OPEN .*program\.js.*uniqc-task-store\/worker\/program/)
})

const SCHEMAS: Readonly<Record<string, string>> = {
  'drizzle/schema.js': 'drizzle-orm/sqlite-core',
  'drizzle/postgres-schema.js': 'drizzle-orm/pg-core',
}

const built = existsSync(join(ROOT, 'dist/src/index.js.map')) ? { skip: 'this build is for coverage' } : {}

test(
  'what is published finds nothing by its own place, and loads no Drizzle but for the schemas',
  built,
  () => {
    const dist = join(ROOT, 'dist')
    const code = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.js'),
    )
    assert.ok(code.length > 2)
    for (const name of code) {
      const text = readFileSync(join(dist, name), 'utf8')
      const own = text.match(/import\.meta\S*|createRequire/g) ?? []
      assert.deepEqual(own, name.endsWith('worker-task-store.js') ? ['import.meta.url),'] : [], name)
      for (const [, late = ''] of text.matchAll(/\bimport\((?:"([^"]*)"\))?/g)) {
        assert.match(late, /^(?:pg|node:\S+|\.\/\S+|\.\.\/\S+)$/, name)
      }
      const imported = [...text.matchAll(/from "([^."][^"]*)"/g)].map(([, target]) => target)
      const drizzle = imported.filter((target) => target?.startsWith('drizzle-orm'))
      const core = SCHEMAS[name.replaceAll('\\', '/')]
      assert.deepEqual(drizzle, core === undefined ? [] : ['drizzle-orm', core], name)
    }
  },
)

test('whatever package is bundled is named in the notices', built, () => {
  const dist = join(ROOT, 'dist')
  const notices = readFileSync(join(ROOT, 'THIRD-PARTY-NOTICES.txt'), 'utf8')
  const code = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'))
  // Where each file of a package begins, esbuild names it.
  const bundled = code.flatMap((name) => [
    ...readFileSync(join(dist, name), 'utf8').matchAll(
      /^ *\/\/ (?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//gm,
    ),
  ])
  const packages = new Set(bundled.map(([, name]) => name as string))
  assert.ok(packages.has('commander') && packages.has('drizzle-orm'), [...packages].join())
  const unnamed = [...packages].filter((name) => name !== 'drizzle-orm' && !notices.includes(`\n${name}\n`))
  assert.deepEqual(unnamed, [])
})
