// UNIQC_MODEL_SEQUENCES: how many random sequences of calls are run. Default 6, in some 20 s.
// UNIQC_MODEL_SEED: the seed that a failure printed, to run its sequences again.
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import { modelContract } from '../contract/model.ts'
import type { AnyStore } from '../support/any-store.ts'
import { freshSchema, needsPostgres, query, sharedServer } from '../support/postgres.ts'

const SEQUENCES = Number(process.env.UNIQC_MODEL_SEQUENCES ?? 6)

describe('a store on PostgreSQL', needsPostgres, () => {
  modelContract(() => {
    const schemas = new Map<string, string>()
    const schemaOf = (name: string) => {
      const schema = schemas.get(name) ?? freshSchema()
      schemas.set(name, schema)
      return schema
    }
    const open = async (name: string) => {
      const { url } = await sharedServer()
      // A transaction of the model may take long on a busy machine.
      return PostgresTaskStore.open({
        url,
        schema: schemaOf(name),
        connections: 2,
        transactionTimeout: 60_000,
      })
    }
    return {
      open: async (name) => (await open(name)) as unknown as AnyStore,
      verify: async (name) => {
        await using store = await open(name)
        const kinds = (await store.check()).findings.map(({ kind }) => kind)
        assert.ok(!kinds.includes('damaged-file') && !kinds.includes('orphan-shard'), kinds.join())
      },
      remove: async (name) => {
        const { url } = await sharedServer()
        await query(url, `DROP SCHEMA ${schemaOf(name)} CASCADE`)
      },
      isOneOrder: false,
      refused: [],
      files: [],
    }
  }, SEQUENCES)
})
