import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { readReleased } from '../../src/rules/released-migration.ts'
import { hasCode } from '../support/rule-errors.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const TEXTS = ['CREATE TABLE a (x);--> statement-breakpoint\nCREATE TABLE b (x);', 'DROP TABLE b;']
const embedded = TEXTS.map((text, i) => ({ when: 10 + i, text }))
const released = TEXTS.map((text, i) => ({ tag: `000${i}_x`, when: 10 + i, hash: sha256(text) }))

test('the migrations of a release are those of its list, in its order, cut into statements', () => {
  const [first, second] = [
    { ...released[0], statements: ['CREATE TABLE a (x);', '\nCREATE TABLE b (x);'] },
    { ...released[1], statements: ['DROP TABLE b;'] },
  ]
  assert.deepEqual(readReleased(released, embedded), [first, second])
  assert.deepEqual(readReleased(released.slice(0, 1), embedded.toReversed()), [first])
  assert.deepEqual(readReleased([], embedded), [])
})

for (const [what, texts] of Object.entries({
  missing: embedded.slice(0, 1),
  'another text': [...embedded.slice(0, 1), { when: 11, text: 'DROP TABLE a;' }],
})) {
  test(`a migration that is ${what} in the package is MIGRATION_FAILED, and names it`, () => {
    assert.throws(
      () => readReleased(released, texts),
      hasCode('MIGRATION_FAILED', 'that of 11 differs', 'reinstall'),
    )
  })
}
