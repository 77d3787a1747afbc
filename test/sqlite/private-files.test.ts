import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import test from 'node:test'
import { needsInterposer } from '../support/faults/interposer.ts'
import type { LogEntry } from '../support/faults/io-log.ts'
import { Rig } from '../support/faults/rig.ts'
import { WORKLOADS } from '../support/faults/workloads.ts'

const OPTIONS = { synchronous: 'FULL', checkpointAfter: 8 } as const

/** What is made, or given other permissions, so that others may read or write it. The process has no umask. */
const openToOthers = (log: readonly LogEntry[]) =>
  log.filter((entry) => {
    const isMade = entry.what === 'mkdir' || entry.what === 'chmod' || (entry.what === 'open' && entry.isNew)
    return isMade && (entry.mode & 0o077) !== 0
  })

/** The folders that are made and not synced in the one above before the call returns. */
function unsyncedFolders(log: readonly LogEntry[]): string[] {
  const open = new Map<number, string>()
  const unsynced = new Set<string>()
  const found: string[] = []
  for (const entry of log) {
    if (entry.what === 'open') open.set(entry.descriptor, entry.path)
    if (entry.what === 'mkdir') unsynced.add(entry.path)
    if (entry.what === 'sync') {
      for (const made of unsynced) if (dirname(made) === open.get(entry.descriptor)) unsynced.delete(made)
    }
    if (entry.what !== 'mark' || entry.text.startsWith('begin ')) continue
    found.push(...unsynced)
    unsynced.clear()
  }
  return found
}

test('files and folders that a call makes', needsInterposer, async (t) => {
  const rig = new Rig(t)
  let folders = 0
  for (const workload of WORKLOADS) {
    const run = await rig.record(workload, 1, OPTIONS)
    await t.test(`${workload.name}: each is its owner's alone from its first moment`, () => {
      assert.ok(run.log.some((entry) => entry.what === 'open' && entry.isNew))
      assert.deepEqual(openToOthers(run.log), [])
    })
    await t.test(`${workload.name}: each folder is synced in the one above`, () => {
      assert.deepEqual(unsyncedFolders(run.log), [])
    })
    folders += run.log.filter(({ what }) => what === 'mkdir').length
    rig.forget(run)
  }
  await t.test('some folders were made', () => {
    assert.ok(folders >= 4, `${folders}`)
  })
})
