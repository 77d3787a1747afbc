import assert from 'node:assert/strict'
import test from 'node:test'
import { statusCounts } from '../../src/rules/status-counts.ts'

const NONE = { pending: 0, running: 0, success: 0, failed: 0, cancelled: 0 }

test('each status of UnifiedQuantum has a count, 0 if no task has it', () => {
  assert.deepEqual(statusCounts([]), NONE)
  assert.deepEqual(statusCounts(new Map([['failed', 3]])), { ...NONE, failed: 3 })
})

test('any other status has a count if a task has it', () => {
  const counts = statusCounts([
    ['queued', 2],
    ['__proto__', 1],
    ['', 4],
  ])
  assert.deepEqual(Object.entries(counts), [
    ...Object.entries(NONE),
    ['queued', 2],
    ['__proto__', 1],
    ['', 4],
  ])
})
