import assert from 'node:assert/strict'
import test from 'node:test'
import { findDriverProblem } from '../dist/src/driver.js'

const PAIRS: readonly (readonly [driver: string, node: string, works: boolean])[] = [
  ['12.11.1', '20.19.0', true],
  ['12.11.1', '26.0.0', true],
  ['13.2.0', '22.14.0', true],
  ['13.2.0', '24.1.0', true],
  ['13.2.0', '22.13.1', false],
  ['13.0.1', '20.20.2', false],
]

for (const [driver, node, works] of PAIRS) {
  test(`better-sqlite3 ${driver} on Node ${node} ${works ? 'is opened' : 'is refused before it is loaded'}`, () => {
    const problem = findDriverProblem(driver, node)
    assert.equal(problem === undefined, works)
    if (problem !== undefined) assert.match(problem, /npm install better-sqlite3@12/)
  })
}
