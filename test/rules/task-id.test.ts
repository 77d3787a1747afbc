import assert from 'node:assert/strict'
import test from 'node:test'
import { generateTaskId, isUniqcTaskId } from 'uniqc-task-store'
import { wrong } from '../support/store.ts'

test('generated ids are distinct ids of UnifiedQuantum, which are recognized by their prefix alone', () => {
  const ids = Array.from({ length: 100 }, generateTaskId)
  assert.equal(new Set(ids).size, 100)
  for (const id of ids) assert.ok(isUniqcTaskId(id))
  for (const id of ['uqt_', 'uqt_mine', `uqt_${'A'.repeat(32)}`, `${ids[0]}0`]) assert.ok(isUniqcTaskId(id))
  for (const id of ['', 'uqt', 'UQT_1', `x${ids[0]}`, 'task-1']) assert.equal(isUniqcTaskId(id), false)
})

test('isUniqcTaskId returns false for anything but a string, and never throws', () => {
  assert.equal(isUniqcTaskId(wrong([`uqt_${'0'.repeat(32)}`])), false)
  assert.equal(isUniqcTaskId(wrong(Symbol('s'))), false)
})
