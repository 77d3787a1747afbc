// UNIQC_POWER_CUTS: how often the power is cut. Default 500. UNIQC_POWER_CUTS_SEED: when; it is printed.
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import test from 'node:test'
import { cutPower } from '../support/faults/cut-power.ts'
import { needsInterposer } from '../support/faults/interposer.ts'
import { Random } from '../support/faults/random.ts'
import { type RecordedRun, Rig } from '../support/faults/rig.ts'
import { described } from '../support/faults/violations.ts'
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

/** What weighs less comes on top. */
const WEIGHTS = WORKLOADS.filter(({ weight = 1 }) => weight >= 1).length

test('power cuts', needsInterposer, async (t) => {
  const again = `UNIQC_POWER_CUTS=${CUTS} UNIQC_POWER_CUTS_SEED=${SEED}`
  t.diagnostic(again)
  const rig = new Rig(t)
  let cuts = 0

  /** What is wrong after so many cuts. */
  const cut = async (run: RecordedRun, random: Random, count: number) => {
    const wrong: string[] = []
    for await (const { violations, where } of cutPower(rig, run, random, count)) {
      wrong.push(...described(violations, where))
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
        if (run.differing.length > 0) wrong.push(...described(run.differing, 'no power cut'))
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
        wrong.push(...described(violations, where))
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

  t.diagnostic(`${cuts} power cuts`)
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
