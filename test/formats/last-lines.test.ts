import assert from 'node:assert/strict'
import test from 'node:test'
import { LastLines } from '../../src/formats/last-lines.ts'

for (const [what, shareAt] of Object.entries({
  'a share that is not known': () => undefined,
  'the share of each line': (line: number) => line / 20_000,
  'a share that is far too small': (line: number) => line / 1e9,
})) {
  test(`of the lines of each of many keys the one that was set last is the last, with ${what}`, () => {
    checkLast(shareAt)
  })
}

function checkLast(shareAt: (line: number) => number | undefined) {
  const lines = new LastLines()
  const expected = new Map<string, number>()
  for (let line = 1; line <= 20_000; line++) {
    const key = `live task-${(line * 7919) % 15_000}`
    lines.set(key, line, shareAt(line))
    expected.set(key, line)
  }
  assert.equal(expected.size, 15_000)
  lines.end()
  for (const key of expected.keys()) assert.equal(lines.has(key), true)
  const last = new Set(expected.values())
  for (let line = 1; line <= 20_000; line++) assert.equal(lines.isLast(line), last.has(line))
}

test('a key that was not set is not there', () => {
  const lines = new LastLines()
  assert.equal(lines.has(''), false)
  for (let line = 1; line <= 3000; line++) lines.set(`live ${line}`, line)
  for (let line = 1; line <= 3000; line++) assert.equal(lines.has(`archived ${line}`), false)
})
