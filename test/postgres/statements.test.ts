import assert from 'node:assert/strict'
import test from 'node:test'
import { Pool, type PoolConfig } from 'pg'
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

/** How often each call waits for the server: statements that are sent together wait once. */
const ROUND_TRIPS: Readonly<
  Record<string, readonly [number, (store: PostgresTaskStore) => Promise<unknown>]>
> = {
  get: [1, (store) => store.get('uqt_1')],
  save: [1, (store) => save(store, 1)],
  'update without metadata': [1, (store) => store.update('uqt_1', { shots: 3 })],
  'update of metadata': [2, (store) => store.update('uqt_1', { metadata: { a: 1 } })],
  list: [1, (store) => store.list({ limit: 20, archived: 'both' })],
  count: [1, (store) => store.count()],
  delete: [1, (store) => store.delete('uqt_1')],
}
for (const [name, [expected, call]] of Object.entries(ROUND_TRIPS)) {
  test(`${name} takes as many round trips as it has to: ${expected}`, needsPostgres, async (t) => {
    const { url } = await sharedServer()
    const pool = new Pool({ connectionString: url, max: 1, pipeline: true } as PoolConfig)
    t.after(() => pool.end())
    let waits = 0
    let underWay = 0
    pool.on('connect', (client) => {
      const send = client.query.bind(client) as (...args: unknown[]) => unknown
      client.query = ((query: unknown, callback: (...args: unknown[]) => void) => {
        if (underWay === 0) waits++
        underWay++
        send(query, (...args: unknown[]) => {
          underWay--
          callback(...args)
        })
      }) as typeof client.query
    })
    const store = await PostgresTaskStore.open({ pool, schema: freshSchema() })
    await save(store, 1)
    waits = 0
    await call(store)
    assert.equal(waits, expected)
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
