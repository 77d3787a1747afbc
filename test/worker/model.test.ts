// UNIQC_MODEL_SEQUENCES: how many random sequences of calls are run. Default 10.
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WorkerTaskStore } from 'uniqc-task-store/worker'
import { modelContract } from '../contract/model.ts'
import type { AnyStore } from '../support/any-store.ts'
import { assertSound } from '../support/sound-file.ts'
import { temporaryFolder } from '../support/temporary.ts'

const SEQUENCES = Number(process.env.UNIQC_MODEL_SEQUENCES ?? 10)

modelContract((t) => {
  const folder = temporaryFolder(t)
  const fileOf = (name: string) => join(folder, name, 'tasks.sqlite')
  return {
    open: async (name) => {
      mkdirSync(dirname(fileOf(name)), { recursive: true })
      const options = { file: fileOf(name), synchronous: 'NORMAL', transactionTimeout: 60_000 } as const
      return (await WorkerTaskStore.open(options)) as unknown as AnyStore
    },
    verify: (name) => assertSound(fileOf(name)),
    remove: (name) => rmSync(join(folder, name), { recursive: true }),
    isOneOrder: true,
    refused: [],
    files: [],
  }
}, SEQUENCES)
