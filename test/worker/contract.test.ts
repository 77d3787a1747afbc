import { describe } from 'node:test'
import { clockContract } from '../contract/clock.ts'
import { closeContract } from '../contract/close.ts'
import { deleteContract } from '../contract/delete.ts'
import { misuseContract } from '../contract/misuse.ts'
import { saveContract } from '../contract/save.ts'
import { transactionContract } from '../contract/transaction.ts'
import { updateContract } from '../contract/update.ts'
import { valuesContract } from '../contract/values.ts'
import { openAnyWorker as open } from '../support/worker.ts'

describe('a store in a thread', () => {
  saveContract(open)
  updateContract(open)
  deleteContract(open)
  transactionContract(open)
  clockContract(open)
  closeContract(open)
  misuseContract(open)
  valuesContract(open)
})
