import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import released from '../../src/sqlite/migrating/released-migrations.json' with { type: 'json' }
import { compile, makeConsumer } from '../support/consumer.ts'
import { temporaryFolder } from '../support/temporary.ts'

const MIGRATIONS = released.length
const ROOT = resolve(import.meta.dirname, '../..')
const node = (folder: string, ...args: readonly string[]) =>
  execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })

test('the packed package works in a program of its own', async (t) => {
  const folder = temporaryFolder(t)
  makeConsumer(folder)

  await t.test('it holds what it needs, and no more', () => {
    const top = readdirSync(join(folder, 'node_modules/uniqc-task-store')).toSorted()
    const expected = [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'THIRD-PARTY-NOTICES.txt',
      'dist',
      'drizzle.config.ts',
      'drizzle.postgres.config.ts',
      'migrations',
      'package.json',
    ]
    assert.deepEqual(top, expected.toSorted())
  })

  await t.test('it holds no map, and no declaration of what is only used inside', () => {
    const dist = join(folder, 'node_modules/uniqc-task-store/dist')
    const names = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.\w+$/.test(name),
    )
    const text = (name: string) => readFileSync(join(dist, name), 'utf8')
    assert.deepEqual(
      names.filter((name) => !/\.(js|d\.ts)$/.test(name) || text(name).includes('sourceMappingURL')),
      [],
    )
    assert.deepEqual(
      names.filter((name) => text(name).includes(ROOT)),
      [],
      'they name a folder of the machine that built them',
    )
    const declarations = names.filter((name) => name.endsWith('.d.ts')).map(text)
    assert.ok(declarations.length > 10)
    for (const inner of ['Connection', 'Statement', 'LockFairness', 'readMigrations', 'optionsReader']) {
      const declares = new RegExp(`\\b(class|interface|type|function|const) ${inner}\\b`)
      assert.ok(!declarations.some((declaration) => declares.test(declaration)), inner)
    }
    assert.ok(declarations.some((declaration) => /\bclass TaskStore\b/.test(declaration)))
  })

  const use = `
    const store = new TaskStore({ file: ':memory:' })
    store.save({ taskId: 'a', backend: 'b', status: 'running' })
    console.log(store.db.select().from(tasks).all().length, new TaskPersistence(store).load('a').platform)
  `
  await t.test('its command line runs under both of its names', () => {
    const { bin, version } = JSON.parse(
      readFileSync(join(folder, 'node_modules/uniqc-task-store/package.json'), 'utf8'),
    )
    assert.deepEqual(Object.keys(bin).toSorted(), ['uniqc-task-store', 'uniqc-tasks'])
    for (const path of Object.values(bin) as string[]) {
      assert.equal(node(folder, join('node_modules/uniqc-task-store', path), '--version'), `${version}\n`)
    }
  })

  await t.test('it can be imported', () => {
    const text = `import { TaskStore, TaskPersistence } from 'uniqc-task-store'
      import { tasks } from 'uniqc-task-store/schema'
      ${use}`
    assert.equal(node(folder, '--input-type=module', '--eval', text), '1 b\n')
  })

  await t.test(
    'a store of a file asks for no driver of PostgreSQL, and loads nothing that is for one',
    () => {
      const path = join(folder, 'node_modules/uniqc-task-store/package.json')
      const { dependencies, optionalDependencies, peerDependenciesMeta } = JSON.parse(
        readFileSync(path, 'utf8'),
      )
      assert.ok(
        !Object.keys({ ...dependencies, ...optionalDependencies }).includes('pg'),
        'pg is a dependency',
      )
      assert.deepEqual(peerDependenciesMeta.pg, { optional: true })
      const text = `import { Session } from 'node:inspector'
      const loaded = []
      const session = new Session()
      session.connect()
      session.on('Debugger.scriptParsed', ({ params }) => loaded.push(params.url))
      session.post('Debugger.enable')
      const { TaskStore } = await import('uniqc-task-store')
      const store = new TaskStore({ file: ':memory:' })
      console.log(store.db.$client.open, loaded.some((url) => url.endsWith('uniqc-task-store/dist/src/index.js')))
      console.log(loaded.filter((url) => /dist\\/.*postgres|node_modules\\/pg/.test(url)))`
      assert.equal(node(folder, '--input-type=module', '--eval', text), 'true true\n[]\n')
    },
  )

  await t.test('it can be required', () => {
    const text = `const { TaskStore, TaskPersistence } = require('uniqc-task-store')
      const { tasks } = require('uniqc-task-store/schema')
      const { eq } = require('drizzle-orm')
      ${use}
      console.log(store.db.select().from(tasks).where(eq(tasks.taskId, 'a')).all().length)`
    assert.equal(node(folder, '--no-warnings', '--input-type=commonjs', '--eval', text), '1 b\n1\n')
  })

  await t.test('its migrations and its package.json resolve by name', () => {
    const text = `console.log(require.resolve('uniqc-task-store/migrations/sqlite/0000_create_tasks.sql'), require('uniqc-task-store/package.json').name)`
    assert.match(
      node(folder, '--input-type=commonjs', '--eval', text),
      /0000_create_tasks\.sql uniqc-task-store/,
    )
  })

  await t.test('it has the right types, in an ES module and in a CommonJS module', () => {
    const types = readFileSync(join(ROOT, 'test/types/public-api.ts'), 'utf8')
    writeFileSync(join(folder, 'esm.mts'), types)
    // Drizzle types its functions separately for CommonJS, and those do not take the tables of an ES module.
    const withoutOwnQuery = types
      .replace(".where(eq(tasks.status, 'running'))", '')
      .replace(/^import \{ eq \}.*$/m, '')
    writeFileSync(join(folder, 'commonjs.cts'), withoutOwnQuery)
    // Neither pg nor its types are installed there.
    writeFileSync(
      join(folder, 'team.mts'),
      `import { PostgresTaskStore } from 'uniqc-task-store/postgres'
      export const shots: Promise<number | undefined> = PostgresTaskStore.open({ url: 'postgres://localhost' })
        .then((store) => store.get('a'))
        .then((task) => task?.shots)`,
    )
    compile(folder, '--noEmit')
    writeFileSync(
      join(folder, 'wrong.mts'),
      `import { TaskStore } from 'uniqc-task-store'\nnew TaskStore().list({ limt: 1 })`,
    )
    assert.throws(() => compile(folder, '--noEmit'), /wrong\.mts.*limt/)
  })

  await t.test('drizzle-kit migrates a file of its user with the shipped config', () => {
    const file = join(folder, 'cache', 'tasks.sqlite')
    const kit = (env: NodeJS.ProcessEnv) =>
      execFileSync(
        process.execPath,
        [
          'node_modules/drizzle-kit/bin.cjs',
          'migrate',
          '--config',
          'node_modules/uniqc-task-store/drizzle.config.ts',
        ],
        { cwd: folder, env: { ...process.env, ...env }, stdio: 'pipe' },
      )
    kit({ UNIQC_CACHE_DIR: join(folder, 'cache') })
    assert.ok(existsSync(file))
    const database = new Database(file)
    assert.equal(database.pragma('user_version', { simple: true }), 5)
    assert.equal(
      database.prepare('SELECT count(*) FROM __uniqc_task_store_migrations').pluck().get(),
      MIGRATIONS,
    )
    database.close()
    kit({ UNIQC_TASKS_FILE: file })
  })
})
