import assert from 'node:assert/strict'
import test from 'node:test'
import { Lookout } from '../../src/worker/lookout.ts'

/** How often a lookout asks in each of some waits, if what it waits for has come as often as `comesAt` says. */
function asked(waits: number, comesAt: (wait: number, question: number) => boolean): number[] {
  let [wait, question] = [0, 0]
  const lookout = new Lookout(() => comesAt(wait, ++question), 0)
  return Array.from({ length: waits }, (_, i) => {
    ;[wait, question] = [i, 0]
    lookout.comes()
    return question
  })
}

/** The waits in which it looked, and did not only ask once. */
const looked = (asked: readonly number[]) => asked.flatMap((questions, wait) => (questions > 1 ? [wait] : []))

test('looks in vain are made ever more seldom, and in the end after every 63 waits', () => {
  const waits = asked(320, () => false)
  assert.deepEqual(looked(waits), [0, 2, 6, 14, 30, 62, 126, 190, 254, 318])
})

test('a look that was not in vain is followed by one the next time', () => {
  const waits = asked(12, (wait, question) => wait === 6 && question === 2)
  assert.deepEqual(looked(waits), [0, 2, 6, 7, 9])
})

test('what has come already is found without a look, also when none is due', () => {
  const lookout = new Lookout(() => true, 0)
  assert.deepEqual([lookout.comes(), lookout.comes()], [true, true])
  const waits = asked(4, (wait) => wait === 1 || wait === 3)
  assert.deepEqual(waits, [2, 1, 1, 1])
})
