import { describe } from 'node:test'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import { type Call, isAnything } from '../contract/any-calls.ts'
import { anyInputContract } from '../contract/any-input.ts'
import { needsPostgres, openAnyPostgres, readPostgresRows } from '../support/postgres.ts'

const READS: readonly Call[] = [
  ['aggregateStatus([V])', isAnything, ({ value }) => PostgresTaskStore.aggregateStatus([value])],
]

describe('a store on PostgreSQL', needsPostgres, () => {
  anyInputContract(openAnyPostgres, readPostgresRows, { reads: READS, writes: [] }, 300)
})
