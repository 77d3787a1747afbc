import { describe } from 'node:test'
import { archiveContract } from '../contract/archive.ts'
import { archiveOlderThanContract } from '../contract/archive-older-than.ts'
import { persistenceContract } from '../contract/persistence.ts'
import { refreshedTaskContract } from '../contract/refreshed-task.ts'
import { shardsContract } from '../contract/shards.ts'
import { openAnyWorker as open, workerRows as rows } from '../support/worker.ts'

describe('shards and archive of a store in a thread', () => {
  shardsContract(open, rows)
  refreshedTaskContract(open, rows)
  archiveContract(open, rows)
  archiveOlderThanContract(open, rows)
  persistenceContract(open)
})
