// UNIQC_IO_FAILURES: how many calls of the system fail. Default 300. UNIQC_IO_FAILURES_SEED: which; it is printed.
import assert from 'node:assert/strict'
import test from 'node:test'
import { failCall } from '../support/faults/fail-call.ts'
import { needsInterposer } from '../support/faults/interposer.ts'
import { Random } from '../support/faults/random.ts'
import { type RecordedRun, Rig } from '../support/faults/rig.ts'
import { described } from '../support/faults/violations.ts'
import { WORKLOADS } from '../support/faults/workloads.ts'

const FAILURES = Number(process.env.UNIQC_IO_FAILURES ?? 300)
// The same each time, so that a failure is one of the change that is tested; the long form is given others.
const SEED = Number(process.env.UNIQC_IO_FAILURES_SEED ?? 78)

/** A run is recorded again, with other random numbers, after so many failures. */
const FAILURES_OF_A_RUN = 100

/** What weighs less comes on top. */
const WEIGHTS = WORKLOADS.filter(({ weight = 1 }) => weight >= 1).length

test('failing calls of the system', needsInterposer, async (t) => {
  const again = `UNIQC_IO_FAILURES=${FAILURES} UNIQC_IO_FAILURES_SEED=${SEED}`
  t.diagnostic(again)
  const rig = new Rig(t)
  let failures = 0
  let thrown = 0

  /** What is wrong after so many failures. */
  const fail = async (run: RecordedRun, random: Random, count: number) => {
    const wrong: string[] = []
    for (let failed = 0, tries = 0; failed < count; tries++) {
      assert.ok(tries < 5 * count, 'calls do not fail that should')
      const outcome = await failCall(rig, run, random)
      if (outcome === undefined) continue
      wrong.push(...described(outcome.violations, outcome.where))
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
        if (run.differing.length > 0) wrong.push(...described(run.differing, 'nothing failed'))
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

  t.diagnostic(`${failures} failing calls, ${thrown} steps that threw`)
})
