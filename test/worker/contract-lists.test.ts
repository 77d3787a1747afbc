import { describe } from 'node:test'
import { listContract } from '../contract/list.ts'
import { anyCountContract, manyAndCountsContract } from '../contract/many-and-counts.ts'
import { anyFilterContract, pageContract } from '../contract/page.ts'
import { replacedIdsContract } from '../contract/replaced-ids.ts'
import { openAnyWorker as open } from '../support/worker.ts'

describe('lists of a store in a thread', () => {
  listContract(open)
  pageContract(open)
  manyAndCountsContract(open)
  anyCountContract(open)
  anyFilterContract(open)
  replacedIdsContract(open)
})
