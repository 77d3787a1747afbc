// UNIQC_POWER_CUTS: how often the power is cut. Default 500. UNIQC_POWER_CUTS_SEED: when; it is printed.
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import test from 'node:test'
import { cutPower } from '../support/faults/cut-power.ts'
import { needsInterposer } from '../support/faults/interposer.ts'
import { Random } from '../support/faults/random.ts'
import { type RecordedRun, Rig } from '../support/faults/rig.ts'
import { type KnownDefect, Violations } from '../support/faults/violations.ts'
import { findWorkload, REOPENING, WORKLOADS } from '../support/faults/workloads.ts'

const CUTS = Number(process.env.UNIQC_POWER_CUTS ?? 500)
// The same each time, so that a failure is one of the change that is tested; the long form is given others.
const SEED = Number(process.env.UNIQC_POWER_CUTS_SEED ?? 78)

/** A run is recorded again, with other random numbers, after so many cuts. */
const CUTS_OF_A_RUN = 150
/** How often the opening after one cut is cut. */
const CUTS_OF_AN_OPENING = 5
/** Of the cuts, those that hit an opening after another cut. */
const SECOND_CUTS = Math.ceil(CUTS / 10)

/** What is not yet as it must be. Each goes when its defect does. */
const KNOWN: readonly KnownDefect[] = [
  {
    reason: 'the temporary files of a call that a power cut has ended stay for good',
    kinds: ['left-over'],
    workload: /^(the first opening|a migration|backup|exportFile|repair|restoreBackup)/,
    detail: /\.unfinished(\.new)?(\.[\da-f]{8}\.unfinished)?(-journal|-wal|-shm)?$/,
  },
  {
    reason: 'a folder that opening makes is not synced in the folder above: all that is in it can be lost',
    kinds: ['lost'],
    workload: /^the first opening, of a folder that is to be made$/,
    step: /^save$/,
    detail: /^it holds what it held after [01] of /,
  },
  {
    reason: 'repair() does not sync the name of its copy: the repair can be there, and the copy lost',
    kinds: ['file-lost'],
    workload: /^repair$/,
    step: /^repair$/,
    detail: /^tasks\.sqlite\.before-repair\./,
  },
  {
    reason:
      'restoreBackup() moves a damaged file and its log away first: cut there, the two are apart, or the next opening makes an empty store',
    kinds: ['half', 'left-over'],
    workload: /^restoreBackup over a damaged file$/,
    step: /^restoreBackup$/,
    detail:
      /^it holds 0 tasks; before: CORRUPT_FILE; after: 14 tasks|^tasks\.sqlite\.damaged\.[\dTZ.]+-(wal|shm)$/,
  },
]

/** What weighs less comes on top. */
const WEIGHTS = WORKLOADS.filter(({ weight = 1 }) => weight >= 1).length

test('power cuts', needsInterposer, async (t) => {
  const again = `UNIQC_POWER_CUTS=${CUTS} UNIQC_POWER_CUTS_SEED=${SEED}`
  t.diagnostic(again)
  const rig = new Rig(t)
  const seen = new Violations(KNOWN)
  let cuts = 0

  /** What is wrong, and no known defect, after so many cuts. */
  const cut = async (run: RecordedRun, random: Random, count: number) => {
    const wrong: string[] = []
    for await (const { violations, where } of cutPower(rig, run, random, count)) {
      wrong.push(...seen.add(violations, where))
      cuts++
    }
    return wrong
  }

  for (const [index, workload] of WORKLOADS.entries()) {
    const count = Math.ceil(((CUTS - SECOND_CUTS) * (workload.weight ?? 1)) / WEIGHTS)
    await t.test(`${workload.name}: what was acknowledged is there, and nothing half`, async () => {
      const random = new Random(SEED + index)
      const wrong: string[] = []
      for (let left = count; left > 0; left -= CUTS_OF_A_RUN) {
        const run = await rig.record(workload, random.below(2 ** 31), optionsOf(random))
        // With a run that is wrong itself, nothing can be compared.
        if (run.differing.length > 0) wrong.push(...seen.add(run.differing, 'no power cut'))
        else wrong.push(...(await cut(run, random, Math.min(left, CUTS_OF_A_RUN))))
        rig.forget(run)
      }
      assertNone(wrong, again)
    })
  }

  await t.test('an opening after a power cut is cut again, and loses nothing', async () => {
    const random = new Random(SEED + WORKLOADS.length)
    const wrong: string[] = []
    for (let left = SECOND_CUTS; left > 0; left -= CUTS_OF_A_RUN) {
      const first = await rig.record(
        findWorkload('calls of every kind'),
        random.below(2 ** 31),
        optionsOf(random),
      )
      const bases: string[] = []
      const onCut = (folder: string) => {
        const base = rig.newFolder()
        cpSync(folder, base, { recursive: true })
        bases.push(base)
      }
      const firstCuts = Math.ceil(Math.min(left, CUTS_OF_A_RUN) / CUTS_OF_AN_OPENING)
      for await (const { violations, where } of cutPower(rig, first, random, firstCuts, { onCut })) {
        wrong.push(...seen.add(violations, where))
      }
      for (const base of bases) {
        const second = await rig.record(REOPENING, random.below(2 ** 31), optionsOf(random), base)
        wrong.push(...(await cut(second, random, CUTS_OF_AN_OPENING)))
        rig.forget(second)
      }
      rig.forget(first)
    }
    assertNone(wrong, again)
  })

  await t.test('the harness sees what NORMAL may lose: the last calls, and only they', async () => {
    const random = new Random(SEED)
    const options = { ...optionsOf(random), synchronous: 'NORMAL' } as const
    const run = await rig.record(findWorkload('single calls'), random.below(2 ** 31), options)
    const kinds: string[] = []
    for await (const { violations } of cutPower(rig, run, random, 60)) {
      kinds.push(...violations.map(({ kind }) => kind))
    }
    assert.ok(kinds.length > 0, again)
    assert.deepEqual([...new Set(kinds)], ['lost'], again)
  })

  await t.test('the harness sees what a disk loses that takes no notice of syncs', async () => {
    const random = new Random(SEED)
    const run = await rig.record(findWorkload('single calls'), random.below(2 ** 31), optionsOf(random))
    let damaged = 0
    for await (const { violations } of cutPower(rig, run, random, 60, { ignoresSyncs: true })) {
      if (violations.some(({ kind }) => kind !== 'left-over')) damaged++
    }
    assert.ok(damaged > 0, again)
  })

  await seen.report(t)
  t.diagnostic(`${cuts} power cuts; ${seen.known} violations by known defects`)
})

function assertNone(wrong: readonly string[], again: string): void {
  assert.equal(
    wrong.length,
    0,
    `${again}: ${wrong.length} violations, such as\n${wrong.slice(0, 10).join('\n')}`,
  )
}

function optionsOf(random: Random): RecordedRun['options'] {
  return { synchronous: 'FULL', checkpointAfter: random.pick([1000, 30, 8]) }
}
