// UNIQC_IO_FAILURES: how many calls of the system fail. Default 300. UNIQC_IO_FAILURES_SEED: which; it is printed.
import assert from 'node:assert/strict'
import test from 'node:test'
import { failCall } from '../support/faults/fail-call.ts'
import { needsInterposer } from '../support/faults/interposer.ts'
import { Random } from '../support/faults/random.ts'
import { type RecordedRun, Rig } from '../support/faults/rig.ts'
import { type KnownDefect, Violations } from '../support/faults/violations.ts'
import { WORKLOADS } from '../support/faults/workloads.ts'

const FAILURES = Number(process.env.UNIQC_IO_FAILURES ?? 300)
// The same each time, so that a failure is one of the change that is tested; the long form is given others.
const SEED = Number(process.env.UNIQC_IO_FAILURES_SEED ?? 78)

/** A run is recorded again, with other random numbers, after so many failures. */
const FAILURES_OF_A_RUN = 100

/** What is not yet as it must be. Each goes when its defect does. */
const KNOWN: readonly KnownDefect[] = [
  {
    reason:
      'a commit whose sync fails has failed, but stands in the log of SQLite, and the next opening finds it',
    kinds: ['not-undone'],
    workload: /^(?!restoreBackup (where|over))/,
    detail: /^it failed, and is done$/,
    fired: ['sync'],
  },
  {
    reason:
      'SQLite opens a file to be read where it fails to open it to be written: the store then is READONLY',
    kinds: ['fails-again', 'wrong-code'],
    detail: /TaskStoreError READONLY: /,
    fired: ['open'],
  },
  {
    reason: 'a file that cannot be made leaves the journal of its temporary file',
    kinds: ['left-over'],
    workload: /^the first opening/,
    step: /^open$/,
    detail: /tasks\.sqlite\.[0-9a-f]{8}\.unfinished-journal$/,
  },
  {
    reason: 'a copy beside the file that fails leaves its temporary file, or the journal of that',
    kinds: ['left-over'],
    workload: /^(a migration|repair|restoreBackup)/,
    detail: /^tasks\.sqlite\.before-(v5|repair|restore)\.[\dTZ.]+\.unfinished(-journal)?$/,
  },
  {
    reason: 'a migration that cannot make its copy tells of MIGRATION_FAILED, not of the disk',
    kinds: ['wrong-code'],
    workload: /^a migration$/,
    detail: /^TaskStoreError MIGRATION_FAILED: .* \((EIO|ENOSPC): .*\.before-v5\./,
  },
  {
    reason: "repair() throws Node's error where its copy cannot be made",
    kinds: ['raw-error'],
    workload: /^repair$/,
    step: /^repair$/,
    detail: /^Error (EIO|ENOSPC): .*\.before-repair\./,
  },
  {
    reason: 'a backup that fails while it is checked leaves the log of its temporary file',
    kinds: ['left-over'],
    workload: /^backup$/,
    detail: /^copies\/one\.sqlite\.[0-9a-f]{8}\.unfinished-(wal|shm)$/,
  },
  {
    reason:
      'a backup or an export fails where its temporary name cannot be removed, though the file is there',
    kinds: ['left-over', 'fails-again'],
    workload: /^(backup|exportFile)$/,
    detail: /^copies\/one\.(sqlite|jsonl)$|, called again: TaskStoreError CONFLICT: /,
    fired: ['unlink'],
  },
  {
    reason: 'restoreBackup() leaves its staged copy where making that fails',
    kinds: ['left-over'],
    workload: /^restoreBackup/,
    step: /^restoreBackup$/,
    detail: /^tasks\.sqlite\.[0-9a-f]{8}\.unfinished(-journal|-wal|-shm)?$/,
  },
  {
    reason: 'restoreBackup() keeps a copy of what is still there where it fails',
    kinds: ['left-over'],
    workload: /^restoreBackup/,
    step: /^restoreBackup$/,
    detail: /^tasks\.sqlite\.before-restore\.[\dTZ.]+$/,
  },
  {
    reason: "restoreBackup() throws Node's error where a file cannot be made, moved or removed",
    kinds: ['raw-error'],
    workload: /^restoreBackup/,
    step: /^restoreBackup$/,
    detail: /^Error (EIO|ENOSPC): .*(mkdir|rename|open|unlink) /,
  },
  {
    reason:
      'restoreBackup() takes a read that fails, also of its own staged copy, for damage of the file, and moves it away',
    kinds: ['file-lost', 'left-over'],
    workload: /^restoreBackup into a store$/,
    step: /^restoreBackup$/,
    detail: /^tasks\.sqlite\.(before-restore|damaged)\./,
    fired: ['read'],
  },
  {
    reason: 'restoreBackup() leaves the log of a file that is gone: SQLite writes it into the restored one',
    kinds: ['copy-differs'],
    workload: /^restoreBackup beside a left-over log$/,
  },
  {
    reason: 'restoreBackup() fails where it cannot open or count what it has restored',
    kinds: ['not-undone', 'copy-differs'],
    workload: /^restoreBackup/,
    step: /^restoreBackup$/,
  },
  {
    reason: 'restoreBackup() does not bring a damaged file back that it moved away before it failed',
    kinds: ['half', 'left-over'],
    workload: /^restoreBackup over a damaged file$/,
    step: /^restoreBackup$/,
    detail: /^it holds 0 tasks; before: CORRUPT_FILE|^tasks\.sqlite\.damaged\./,
  },
  {
    reason: 'restoreBackup() cannot be called again where it left a journal: it opens the file only to read',
    kinds: ['fails-again'],
    workload: /^restoreBackup (where|over)/,
    step: /^restoreBackup$/,
    detail: /^restoreBackup, called again: TaskStoreError READONLY: /,
  },
]

/** What weighs less comes on top. */
const WEIGHTS = WORKLOADS.filter(({ weight = 1 }) => weight >= 1).length

test('failing calls of the system', needsInterposer, async (t) => {
  const again = `UNIQC_IO_FAILURES=${FAILURES} UNIQC_IO_FAILURES_SEED=${SEED}`
  t.diagnostic(again)
  const rig = new Rig(t)
  const seen = new Violations(KNOWN)
  let failures = 0
  let thrown = 0

  /** What is wrong, and no known defect, after so many failures. */
  const fail = async (run: RecordedRun, random: Random, count: number) => {
    const wrong: string[] = []
    for (let failed = 0, tries = 0; failed < count; tries++) {
      assert.ok(tries < 5 * count, 'calls do not fail that should')
      const outcome = await failCall(rig, run, random)
      if (outcome === undefined) continue
      wrong.push(...seen.add(outcome.violations, outcome.where))
      failed++
      failures++
      if (outcome.hasThrown) thrown++
    }
    return wrong
  }

  for (const [index, workload] of WORKLOADS.entries()) {
    const count = Math.ceil((FAILURES * (workload.weight ?? 1)) / WEIGHTS)
    await t.test(`${workload.name}: each call is done or undone, and leaves nothing behind`, async () => {
      const random = new Random(SEED + index)
      const wrong: string[] = []
      for (let left = count; left > 0; left -= FAILURES_OF_A_RUN) {
        const options = { synchronous: 'FULL', checkpointAfter: random.pick([1000, 30, 8]) } as const
        const run = await rig.record(workload, random.below(2 ** 31), options)
        // With a run that is wrong itself, nothing can be compared.
        if (run.differing.length > 0) wrong.push(...seen.add(run.differing, 'nothing failed'))
        else wrong.push(...(await fail(run, random, Math.min(left, FAILURES_OF_A_RUN))))
        rig.forget(run)
      }
      const shown = wrong.slice(0, 10).join('\n')
      assert.equal(wrong.length, 0, `${again}: ${wrong.length} violations, such as\n${shown}`)
    })
  }

  await t.test('calls did fail', () => {
    assert.ok(thrown > failures / 4, `${thrown} of ${failures}`)
  })

  await seen.report(t)
  t.diagnostic(
    `${failures} failing calls, ${thrown} steps that threw; ${seen.known} violations by known defects`,
  )
})
