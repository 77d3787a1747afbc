import assert from 'node:assert/strict'
import test from 'node:test'
import { Pool } from 'pg'
import { PostgresTaskStore, type PostgresTaskStoreOptions } from 'uniqc-task-store/postgres'
import { freshSchema, needsPostgres, sharedServer } from '../support/postgres.ts'

/** Runs work on a store of one connection, and returns the statements that are prepared on it afterwards. */
async function preparedBy(
  options: PostgresTaskStoreOptions,
  work: (store: PostgresTaskStore) => Promise<unknown>,
): Promise<string[]> {
  const { url } = await sharedServer()
  const pool = new Pool({ connectionString: url, max: 1 })
  try {
    const store = await PostgresTaskStore.open({ pool, schema: freshSchema(), ...options })
    await work(store)
    const { rows } = await pool.query('SELECT statement FROM pg_prepared_statements ORDER BY prepare_time')
    return rows.map(({ statement }) => statement as string)
  } finally {
    await pool.end()
  }
}

const save = (store: PostgresTaskStore, n: number) =>
  store.save({ taskId: `uqt_${n}`, backend: `b${n}`, status: 'running' })

/** Each call, for a number. */
const CALLS: Readonly<Record<string, (store: PostgresTaskStore, n: number) => Promise<unknown>>> = {
  save,
  get: (store, n) => store.get(`uqt_${n}`),
  update: (store, n) => store.update(`uqt_${n}`, { shots: n }, { ifStatus: ['running', `s${n}`] }),
  list: (store, n) => store.list({ limit: 20, status: ['running', `s${n}`], backend: `b${n}` }),
  page: async (store, n) => {
    const { next } = await store.page({ limit: 1, archived: 'both', platform: 'b' })
    return store.page({ limit: 1, archived: 'both', platform: `p${n}`, after: next })
  },
  count: (store, n) => store.count({ submittedAfter: `200${n}-01-01` }),
  delete: (store, n) => store.delete(`uqt_${n}`),
}
for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} is one prepared statement, whatever its values`, needsPostgres, async () => {
    const once = await preparedBy({}, (store) => call(store, 1))
    const often = await preparedBy({}, async (store) => {
      for (let n = 1; n < 10; n++) await call(store, n)
    })
    assert.equal(often.length, once.length, often.join('\n'))
  })
}

test(
  'lists of any number of lengths prepare a limited number of statements, and all work',
  needsPostgres,
  async () => {
    const prepared = await preparedBy({}, async (store) => {
      for (let n = 0; n < 5; n++) await save(store, n)
      for (let limit = 1; limit <= 900; limit++) {
        const found = await store.list({ limit, status: 'running' })
        assert.equal(found.length, Math.min(limit, 5))
      }
    })
    assert.ok(prepared.length <= 400, `${prepared.length} are prepared`)
  },
)

test('a statement over many ids is not prepared, whose plan would be kept', needsPostgres, async () => {
  const ids = Array.from({ length: 100 }, (_, i) => `t${i}`)
  const prepared = await preparedBy({}, (store) => store.getMany(ids))
  assert.deepEqual(
    prepared.filter((text) => text.includes('ANY')),
    [],
  )
})

test('with prepare: false no statement is prepared by name', needsPostgres, async () => {
  const prepared = await preparedBy({ prepare: false }, async (store) => {
    for (const call of Object.values(CALLS)) await call(store, 1)
  })
  assert.deepEqual(prepared, [])
})

test('an error of the server has the stack of the call', needsPostgres, async () => {
  const schema = freshSchema()
  await preparedBy({ schema }, async (store) => {
    await store.db.execute(`ALTER TABLE ${schema}.tasks RENAME TO gone`)
    async function theCaller() {
      await store.get('a')
    }
    await assert.rejects(theCaller(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'CANNOT_OPEN')
      return /theCaller/.test(error.stack ?? '')
    })
  })
})
