import assert from 'node:assert/strict'
import test from 'node:test'
import type { Statement } from '../../src/sqlite/statement.ts'
import { StatementCache } from '../../src/sqlite/statement-cache.ts'

/** A statement with so many characters of SQL. */
const statement = (size: number) => ({ size }) as Statement

/** A cache after so many statements of 2,000 characters were set, `s0` first. */
function filled(count: number, between: (cache: StatementCache) => void = () => {}): StatementCache {
  const cache = new StatementCache()
  for (let i = 0; i < count; i++) {
    cache.set(`s${i}`, statement(2000))
    between(cache)
  }
  return cache
}

test('of any number of statements, the last with 400,000 characters are kept, and none before the last with 800,000', () => {
  const cache = filled(1000)
  for (let i = 0; i < 600; i++) assert.equal(cache.get(`s${i}`), undefined, `s${i}`)
  for (let i = 800; i < 1000; i++) assert.notEqual(cache.get(`s${i}`), undefined, `s${i}`)
})

test('all are kept as long as they have 400,000 characters', () => {
  const cache = filled(200)
  for (let i = 0; i < 200; i++) assert.notEqual(cache.get(`s${i}`), undefined, `s${i}`)
})

test('a statement that is used again and again is kept, however many others there are', () => {
  const often = statement(2000)
  const cache = new StatementCache()
  cache.set('often', often)
  for (let i = 0; i < 2000; i++) {
    cache.set(`s${i}`, statement(2000))
    assert.equal(cache.get('often'), often, `after ${i}`)
  }
})

test('a statement that is used no more is dropped, also where others are', () => {
  const often = statement(2000)
  const cache = filled(1000, (cache) => {
    if (cache.get('often') === undefined) cache.set('often', often)
  })
  for (let i = 0; i < 600; i++) assert.equal(cache.get(`s${i}`), undefined, `s${i}`)
})

test('a statement that is longer than all that is kept is kept until others come', () => {
  const cache = new StatementCache()
  const long = statement(2_000_000)
  cache.set('long', long)
  assert.equal(cache.get('long'), long)
  for (let i = 0; i < 201; i++) cache.set(`s${i}`, statement(2000))
  assert.equal(cache.get('long'), undefined)
})

test('nothing is kept after clear()', () => {
  const cache = filled(300)
  cache.clear()
  for (let i = 0; i < 300; i++) assert.equal(cache.get(`s${i}`), undefined)
  for (let i = 0; i < 200; i++) cache.set(`t${i}`, statement(2000))
  assert.notEqual(cache.get('t0'), undefined)
})
