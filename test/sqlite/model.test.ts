// UNIQC_MODEL_SEQUENCES: how many random sequences of calls are run. Default 50, in some 10 s.
// UNIQC_MODEL_SEED: the seed that a failure printed, to run its sequences again.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { TaskStore } from 'uniqc-task-store'
import { modelContract } from '../contract/model.ts'
import { call, type RefusedCall, type Step } from '../contract/model-steps.ts'
import { flag, some } from '../contract/model-values.ts'
import { assertSound } from '../support/sound-file.ts'
import { temporaryFolder } from '../support/temporary.ts'

const SEQUENCES = Number(process.env.UNIQC_MODEL_SEQUENCES ?? 50)

const sqlite = (store: unknown) => store as TaskStore

const REFUSED: readonly RefusedCall[] = [
  [
    'a transaction that returns a promise',
    (store) =>
      sqlite(store).transaction(() => {
        store.save({ taskId: 'undone', backend: 'b', status: 'failed' })
        return Promise.resolve()
      }),
    'TypeError',
  ],
  ['mergeFile of its own file', (store) => sqlite(store).mergeFile(sqlite(store).file), 'TypeError'],
]

const MERGE: fc.Arbitrary<Step> = some({ dryRun: flag }).map((options) => ({
  label: `mergeFile(${fc.stringify(options)})`,
  *run(side, world) {
    const other = side === world.main ? world.other : world.main
    const { run } = call(
      '',
      (store) => {
        const { file } = sqlite(other.store)
        const { conflicts, ...report } = sqlite(store).mergeFile(file, { ...options, timeZone: 'UTC' })
        return { ...report, conflicts: conflicts.map(({ taskId }) => taskId) }
      },
      (model) => model.merge(other.model, options.dryRun ?? false),
    )
    yield* run(side, world)
  },
}))

modelContract((t) => {
  const folder = temporaryFolder(t)
  const fileOf = (name: string) => join(folder, name, 'tasks.sqlite')
  return {
    open: async (name) => new TaskStore({ file: fileOf(name), synchronous: 'NORMAL' }),
    verify: (name) => assertSound(fileOf(name)),
    remove: (name) => rmSync(join(folder, name), { recursive: true }),
    isOneOrder: true,
    refused: REFUSED,
    files: [MERGE],
  }
}, SEQUENCES)
