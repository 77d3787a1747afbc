import { describe } from 'node:test'
import { findIdsContract } from '../contract/find-ids.ts'
import { longCallsContract } from '../contract/long-calls.ts'
import { watchContract } from '../contract/watch.ts'
import { openAnyWorker as open, workerRows as rows } from '../support/worker.ts'

describe('long calls of a store in a thread', () => {
  longCallsContract(open, rows)
  findIdsContract(open)
  watchContract(open)
})
