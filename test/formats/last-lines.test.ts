import assert from 'node:assert/strict'
import test from 'node:test'
import { LastLines } from '../../src/formats/last-lines.ts'

test('each of many keys has the line that was set last', () => {
  const lines = new LastLines()
  const expected = new Map<string, number>()
  for (let line = 1; line <= 20_000; line++) {
    const key = `live task-${(line * 7919) % 15_000}`
    lines.set(key, line)
    expected.set(key, line)
  }
  assert.equal(expected.size, 15_000)
  for (const [key, line] of expected) assert.equal(lines.get(key), line)
  const last = new Set(expected.values())
  for (let line = 1; line <= 20_000; line++) assert.equal(lines.isLast(line), last.has(line))
})

test('a key that was not set has no line', () => {
  const lines = new LastLines()
  assert.equal(lines.get(''), undefined)
  for (let line = 1; line <= 3000; line++) lines.set(`live ${line}`, line)
  for (let line = 1; line <= 3000; line++) assert.equal(lines.get(`archived ${line}`), undefined)
})
