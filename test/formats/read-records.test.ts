import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import test from 'node:test'
import { readEntries, readLines } from '../../src/formats/read-records.ts'
import { temporaryFile } from '../support/temporary.ts'

/** Texts of all lengths, some of which are longer than what is read at a time. */
const TEXTS = Array.from({ length: 3000 }, (_, n) => `"${n} ${'é€a'.slice(n % 3).repeat(n % 200)}"`)
TEXTS[1000] = `"${'long '.repeat(150_000)}"`
TEXTS[2000] = `"${'länger '.repeat(150_000)}"`

test('lines are whole wherever what is read at a time ends, and one that is not UTF-8 has no text', (t) => {
  const file = temporaryFile(t)
  const bytes = Buffer.from(TEXTS.join('\n\n'))
  const before = TEXTS.slice(0, 1500).join('\n\n')
  bytes[Buffer.byteLength(before) + 3] = 0xff
  writeFileSync(file, bytes)
  const lines = [...readLines(file, bytes.length)]
  assert.deepEqual(
    lines.map(({ number }) => number),
    TEXTS.map((_, n) => 2 * n + 1),
  )
  for (const [n, { text }] of lines.entries()) {
    assert.equal(text === TEXTS[n], n !== 1500, String(n))
    assert.equal(text === undefined, n === 1500, String(n))
  }
})

test('entries are whole wherever what is read at a time ends', (t) => {
  const file = temporaryFile(t)
  const entries = TEXTS.map((text, n) => `"${n}": {"text": ${text}, "list": [1, {}]}`)
  const text = `{${entries.join(',')}}`
  writeFileSync(file, text)
  const read = [...readEntries(file, Buffer.byteLength(text))]
  assert.equal(read.length, entries.length)
  for (const [n, { text }] of read.entries()) assert.equal(text === `{${entries[n]}}`, true, String(n))
})
