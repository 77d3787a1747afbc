import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { runModuleWithFileLimit } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** Where files cannot grow beyond so many kilobytes, from what takes the first page to what takes all. */
const LIMITS = [1, 40, 160, 300, 400, 800]

/** A store of about 350 kB in a folder of its own, and a backup of another one of that size elsewhere. */
async function make(t: TestContext) {
  const backup = join(temporaryFolder(t), 'backup.sqlite')
  using source = new TaskStore({ file: ':memory:' })
  const metadata = { text: 'x'.repeat(500) }
  source.saveMany(
    Array.from({ length: 500 }, (_, i) => ({
      taskId: `t${i}`,
      backend: 'b',
      status: 'success' as const,
      metadata,
    })),
  )
  await source.backup(backup)
  return backup
}

const RUN = (call: string) => `
  import { TaskStore } from 'uniqc-task-store'
  const [folder, backup] = process.argv.slice(1)
  const file = folder + '/tasks.sqlite'
  try {
    await (${call})
    console.log('done')
  } catch (error) {
    console.log(error.name, error.code)
  }
`

const CALLS: Readonly<
  Record<string, readonly [call: string, prepare: (folder: string, backup: string) => void]>
> = {
  'a restore to a new file': ['TaskStore.restoreBackup(backup, { file })', () => undefined],
  'a restore in place': [
    'TaskStore.restoreBackup(backup, { file })',
    (folder) => new TaskStore(folder).close(),
  ],
  'a restore over a damaged file': [
    'TaskStore.restoreBackup(backup, { file })',
    (folder) => writeFileSync(join(folder, 'tasks.sqlite'), 'x'.repeat(9000)),
  ],
  'a new store': ['new TaskStore({ file }).close()', () => undefined],
  'a backup': [
    `new TaskStore({ file: backup, readonly: true }).backup(folder + '/copy.sqlite')`,
    () => undefined,
  ],
  'an export': [
    `new TaskStore({ file: backup, readonly: true }).exportFile(folder + '/export.jsonl')`,
    () => undefined,
  ],
  'a repair': [
    `(() => { const store = new TaskStore({ file }); return store.repair(store.check().findings) })()`,
    (folder, backup) => {
      TaskStore.restoreBackup(backup, folder)
      using store = new TaskStore(folder)
      store.db.$client.exec('DROP INDEX tasks_backend_idx')
    },
  ],
}

for (const [what, [call, prepare]] of Object.entries(CALLS)) {
  test(`${what} that fails where files cannot grow leaves nothing behind`, async (t) => {
    const backup = await make(t)
    const outcomes = new Set<string>()
    for (const limit of LIMITS) {
      const folder = temporaryFolder(t)
      prepare(folder, backup)
      const outcome = (await runModuleWithFileLimit(limit, RUN(call), folder, backup)).trim()
      outcomes.add(outcome)
      assert.match(outcome, /^(done|TaskStoreError [A-Z_]+)$/, `${limit} kB`)
      const left = readdirSync(folder).filter((name) => /unfinished|\.new|copy\.sqlite-|orphaned/.test(name))
      assert.deepEqual(left, [], `${limit} kB, ${outcome}`)
    }
    assert.ok(outcomes.has('done'))
    assert.ok(outcomes.size > 1, [...outcomes].join())
  })
}
