import type { TaskStore } from 'uniqc-task-store'
import { WorkerTaskStore } from 'uniqc-task-store/worker'
import {
  type Call,
  isAnything,
  isFlag,
  isNumber,
  isObject,
  isOptions,
  isText,
  optional,
  TASK,
  withOption,
} from '../contract/any-calls.ts'
import { anyInputContract } from '../contract/any-input.ts'
import { openAnyWorker, workerRows } from '../support/worker.ts'

const inThread = (store: unknown) => store as WorkerTaskStore
const openAndClose = async (options: unknown) => {
  const store = await WorkerTaskStore.open(options as string)
  await store.close()
}

const READS: readonly Call[] = [
  ['mergeFile(V)', isText, ({ store, value }) => inThread(store).mergeFile(value)],
  ['mergeFile(_, V)', isOptions, ({ store, value }) => inThread(store).mergeFile('missing', value)],
  ['repair(V)', isAnything, ({ store, value }) => inThread(store).repair(value)],
  ['repair([V])', isAnything, ({ store, value }) => inThread(store).repair([value])],
  ['aggregateStatus([V])', isAnything, ({ value }) => WorkerTaskStore.aggregateStatus([value])],
  ['open(V)', optional((v) => isText(v) || isObject(v)), ({ value }) => openAndClose(value)],
  ...withOption(
    'open',
    { transactionTimeout: optional(isNumber), readonly: isFlag, create: isFlag },
    (_, o) => openAndClose({ file: ':memory:', ...o }),
  ),
]

const WRITES: readonly Call[] = [
  [
    'transaction(() => V)',
    isAnything,
    async ({ store, value }) => {
      // Not returned: whoever awaits it would call what may be its `then`.
      await (store as unknown as TaskStore).transaction(async (tx) => {
        await tx.save(TASK)
        return [value]
      })
    },
  ],
]

anyInputContract(openAnyWorker, workerRows, { reads: READS, writes: WRITES })
