import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import * as schema from '../../drizzle/postgres-schema.ts'
import { needsPostgres, query, startServer } from '../support/postgres.ts'
import { RUNNING } from '../support/store.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const META = join(ROOT, 'migrations/postgres/meta')

test('the migrations create what the schema says', async () => {
  const { entries } = JSON.parse(readFileSync(join(META, '_journal.json'), 'utf8')) as { entries: unknown[] }
  const last = `${String(entries.length - 1).padStart(4, '0')}_snapshot.json`
  const { uniqc, tasks, archivedTasks, taskShards, archivedTaskShards } = schema
  const now = generateDrizzleJson({ uniqc, tasks, archivedTasks, taskShards, archivedTaskShards })
  const before = JSON.parse(readFileSync(join(META, last), 'utf8'))
  assert.deepEqual(await generateMigration(before, now), [])
})

test(
  'a schema that drizzle-kit migrated is one that a store opens, and the other way round',
  needsPostgres,
  async (t) => {
    const { url } = await startServer()
    const config = `drizzle.${process.pid}.config.ts`
    t.after(() => rmSync(join(ROOT, config), { force: true }))
    writeFileSync(
      join(ROOT, config),
      `import ours from './drizzle.postgres.config.ts'\nexport default { ...ours, dbCredentials: { url: ${JSON.stringify(url)} } }\n`,
    )
    const migrate = () =>
      execFileSync(process.execPath, ['node_modules/drizzle-kit/bin.cjs', 'migrate', '--config', config], {
        cwd: ROOT,
        stdio: 'pipe',
      })
    migrate()
    const store = await PostgresTaskStore.open({ url, migrate: false })
    await store.save(RUNNING)
    migrate()
    assert.deepEqual(await query(url, 'SELECT compatible FROM uniqc.__drizzle_migrations'), [
      { compatible: true },
    ])
    assert.equal(await store.count(), 1)
    await store.close()
  },
)
