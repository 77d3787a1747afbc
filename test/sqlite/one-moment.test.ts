import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'
import { temporaryFile } from '../support/temporary.ts'

const TASK = { backend: 'originq:a', status: 'pending', submitTime: '2026-05-03' } as const

/** A call first looks up what there is, and then reads it. */
const isLookUp = (sql: string) => sql.startsWith('WITH RECURSIVE')

/**
 * What a call answers while another connection writes in the middle of it, right before the first statement that
 * `isNext` recognises.
 */
function interrupted<T>(
  t: TestContext,
  isNext: (sql: string, before: readonly string[]) => boolean,
  write: (other: TaskStore) => void,
  call: (store: TaskStore) => T,
): T {
  const file = temporaryFile(t)
  using other = new TaskStore({ file })
  other.saveMany(['a', 'b'].map((taskId) => ({ ...TASK, taskId })))
  const ran: string[] = []
  let isOn = false
  let writes = 0
  const database = new Database(file, {
    verbose: (sql) => {
      if (!isOn) return
      if (writes === 0 && isNext(String(sql), ran)) {
        writes++
        write(other)
      }
      ran.push(String(sql))
    },
  })
  t.after(() => database.close())
  const store = new TaskStore({ database })
  isOn = true
  const answer = call(store)
  isOn = false
  assert.equal(writes, 1, `nobody wrote between these: ${ran.join('\n')}`)
  return answer
}

const afterLookUp = (sql: string, before: readonly string[]) => before.some(isLookUp) && !isLookUp(sql)

const CHANGES = {
  'changes a status': (other: TaskStore) => other.update('a', { status: 'running' }),
  'adds a backend': (other: TaskStore) =>
    other.transaction(() => {
      other.save({ ...TASK, taskId: 'new', backend: 'originq:new' })
      other.delete('a')
    }),
}

for (const [what, change] of Object.entries(CHANGES)) {
  for (const filter of [
    { platform: 'originq' },
    { backend: 'originq:a' },
    { platform: 'originq', status: ['pending', 'running'] },
  ]) {
    if ('status' in filter && what === 'changes a status') continue
    test(`list(${JSON.stringify(filter)}) looks at one moment, where another one ${what} in the middle of it`, (t) => {
      const list = interrupted(t, afterLookUp, change, (store) => store.list(filter))
      assert.deepEqual(
        list.map(({ taskId, status }) => [taskId, status]),
        [
          ['b', 'pending'],
          ['a', 'pending'],
        ],
      )
    })
  }

  for (const filter of [undefined, { platform: 'originq' }, { backend: 'originq:a' }]) {
    test(`countByStatus(${JSON.stringify(filter) ?? ''}) looks at one moment, where another one ${what}`, (t) => {
      const counts = interrupted(t, afterLookUp, change, (store) => store.countByStatus(filter))
      assert.deepEqual(counts, { pending: 2, running: 0, success: 0, failed: 0, cancelled: 0 })
    })
  }
}

const isSecondCount = (sql: string, before: readonly string[]) =>
  [sql, ...before].filter((one) => one.includes('count(*)')).length === 2

test('countByStatus() and count() of several statuses look at one moment, where another one changes one', (t) => {
  const status = ['running', 'pending']
  const change = CHANGES['changes a status']
  const counts = interrupted(t, isSecondCount, change, (store) => store.countByStatus({ status }))
  assert.deepEqual([counts.running, counts.pending], [0, 2])
  assert.equal(
    interrupted(t, isSecondCount, change, (store) => store.count({ status })),
    2,
  )
})

test('check looks at one moment, where another one leaves a shard without its task, and spoils a task', (t) => {
  const isDamageLooked = (_sql: string, before: readonly string[]) =>
    before.some((sql) => sql.startsWith('PRAGMA integrity_check'))
  const spoil = (other: TaskStore) => {
    const { $client } = other.db
    $client.pragma('foreign_keys = OFF')
    $client.exec(
      `INSERT INTO task_shards (uniqc_task_id, shard_index, platform_task_id, backend, status, submit_time, update_time)
         VALUES ('gone', 0, 'p', 'originq', 'running', '2026-05-03', '2026-05-03');
       UPDATE tasks SET status = 'odd', result_json = 'no JSON' WHERE task_id = 'a'`,
    )
  }
  const { findings } = interrupted(t, isDamageLooked, spoil, (store) =>
    store.check({ pendingDays: Number.POSITIVE_INFINITY }),
  )
  assert.deepEqual(
    findings.filter(({ kind }) => kind !== 'fallback-store'),
    [],
  )
})
