import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { copyTasks, type TaskListOptions, TaskStore } from 'uniqc-task-store'
import { PostgresTaskStore } from 'uniqc-task-store/postgres'
import { launchServer } from '../../test/support/postgres-server.ts'
import { makeTask } from '../peer.ts'
import { COLUMNS, openPg } from '../peers/pg.ts'
import { median, percentile } from '../percentile.ts'
import type { Times } from '../report.ts'
import type { WriterOptions } from './postgres-writer.ts'

export interface PostgresOptions {
  readonly file: string
  readonly stored: number
  readonly rounds: number
  /** How many tasks are copied and imported. */
  readonly bulk: number
  /** Of the tables whose lists are compared. */
  readonly sizes: readonly number[]
  /** How many saves each of eight clients does. */
  readonly writes: number
}

type Columns = Readonly<Record<string, Times>>

const BLOCK = 60

const openOurs = (store: PostgresTaskStore): ReturnType<typeof openPg> =>
  ({
    get: (id) => store.get(id),
    save: (task) => store.save(task),
    update: (id, result) => store.update(id, { status: 'success', result }),
    list: () => store.list({ status: 'success', limit: 20 }),
  }) as ReturnType<typeof openPg>

export async function run({ file, stored, rounds, bulk, sizes, writes }: PostgresOptions) {
  const server = await launchServer()
  try {
    const { url } = server
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    const store = await PostgresTaskStore.open({ url, connections: 2 })
    const single = await singles(pool, store, stored, rounds)
    const many = await bulks(pool, store, file, server.socket, bulk)
    const lists = await listsBySize(url, pool, sizes)
    await store.close()
    await pool.end()
    return { ...single, bulk: many, lists, writers: await writers(url, writes) }
  } finally {
    await server.remove()
  }
}

/** Microseconds a call, in blocks that take turns. */
async function singles(pool: pg.Pool, store: PostgresTaskStore, stored: number, rounds: number) {
  await store.saveMany(Array.from({ length: stored }, (_, i) => makeTask(i, 4)))
  await pool.query('VACUUM ANALYZE')
  const peers = { pg: openPg(pool), 'task-store': openOurs(store) }
  const idAt = (i: number) => makeTask((i * 7919) % stored, 4).taskId
  const calls = {
    get: (peer: typeof peers.pg, i: number) => peer.get(idAt(i)),
    'save new': (peer: typeof peers.pg, i: number) =>
      peer.save(makeTask((peer === peers.pg ? 1e6 : 2e6) + i, 4)),
    'save again': (peer: typeof peers.pg, i: number) => peer.save(makeTask(i % stored, 4)),
    update: (peer: typeof peers.pg, i: number) => peer.update(idAt(i), { '00': i }),
    'list 20': (peer: typeof peers.pg) => peer.list(),
  }
  const cpu: Samples = {}
  const wall: Samples = {}
  for (let round = -5; round < rounds; round++) {
    for (const [what, call] of Object.entries(calls)) {
      const order = Object.entries(peers)
      for (const [name, peer] of round % 2 === 0 ? order : order.toReversed()) {
        const before = process.cpuUsage()
        const times: number[] = []
        for (let i = 0; i < BLOCK; i++) {
          const start = performance.now()
          await call(peer, (round + 5) * BLOCK + i)
          times.push((performance.now() - start) * 1000)
        }
        const { user, system } = process.cpuUsage(before)
        if (round < 0) continue
        add(cpu, name, what, [(user + system) / BLOCK])
        add(wall, name, what, times)
      }
    }
  }
  const figures = (columns: Samples, share: number): Columns =>
    mapValues(columns, (times) => mapValues(times, (all) => percentile(all, share)))
  return { cpu: figures(cpu, 0.25), wall: figures(wall, 0.5) }
}

type Samples = Record<string, Record<string, number[]>>

function add(samples: Samples, peer: string, what: string, times: readonly number[]): void {
  const ofPeer = samples[peer] ?? {}
  samples[peer] = ofPeer
  ofPeer[what] = [...(ofPeer[what] ?? []), ...times]
}

/** Seconds to fill empty tables, which have their indexes. */
async function bulks(
  pool: pg.Pool,
  store: PostgresTaskStore,
  file: string,
  folder: string,
  count: number,
): Promise<Columns> {
  const from = new TaskStore({ file, synchronous: 'NORMAL' })
  from.saveMany(Array.from({ length: count }, (_, i) => makeTask(i, 4)))
  const exported = `${file}.jsonl`
  from.exportFile(exported)
  const rows = from.db.$client.prepare(`SELECT ${COLUMNS} FROM tasks`).raw().iterate() as Iterable<unknown[]>
  const escaped = (cell: unknown) =>
    cell === null
      ? '\\N'
      : String(cell).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
  const text = Array.from(rows, (row) => row.map(escaped).join('\t')).join('\n')
  const seconds = async (work: () => Promise<unknown>) => {
    await pool.query('TRUNCATE uniqc.tasks CASCADE')
    const start = performance.now()
    await work()
    return (performance.now() - start) / 1000
  }
  // The server reads it, which may run as another user.
  const readable = join(folder, 'copy')
  writeFileSync(readable, `${text}\n`, { mode: 0o644 })
  const copy = await seconds(() => pool.query(`COPY uniqc.tasks (${COLUMNS}) FROM '${readable}'`))
  const ours = {
    'a copy from a file': await seconds(() => copyTasks(from, store)),
    'an import of an export': await seconds(() => store.importFile(exported)),
  }
  from.close()
  return { COPY: mapValues(ours, () => copy), 'task-store': ours }
}

const SHAPES = {
  all: {},
  'a status': { status: 'running' },
  'two statuses': { status: ['failed', 'cancelled'] },
  'a backend': { backend: 'originq:chip7' },
  'a platform': { platform: 'originq' },
  'a platform that is rare': { platform: 'rare' },
  'a backend and a status': { backend: 'originq:chip7', status: 'success' },
  'a platform and two statuses': { platform: 'originq', status: ['failed', 'running'] },
  'both places': { archived: 'both' },
  'the archive, a platform': { archived: true, platform: 'originq' },
  'before a time': { submittedBefore: '2026-01-01T00:08' },
  'a time, a status': {
    submittedAfter: '2026-01-01T00:02',
    submittedBefore: '2026-01-01T00:12',
    status: 'failed',
  },
} as const satisfies Readonly<Record<string, TaskListOptions>>

/** Microseconds of a page of 20 of each shape, by the number of tasks in each place; the sizes take turns. */
async function listsBySize(url: string, pool: pg.Pool, sizes: readonly number[]): Promise<Columns> {
  const stores = new Map<number, PostgresTaskStore>()
  for (const size of sizes) {
    const schema = `size${size}`
    stores.set(size, await PostgresTaskStore.open({ url, schema, connections: 1 }))
    for (const [table, column, value] of [
      ['tasks', '', ''],
      ['archived_tasks', ', archived_at', ", 'then'"],
    ]) {
      await pool.query(
        `INSERT INTO ${schema}.${table} (task_id, backend, status, submit_time, update_time${column})
         SELECT 't' || n, CASE WHEN n % 500 = 0 THEN 'rare' ELSE 'originq:chip' || n % 40 END,
           CASE WHEN n % 100 < 90 THEN 'success' WHEN n % 100 < 96 THEN 'failed' WHEN n % 100 < 98 THEN 'running' ELSE 'cancelled' END,
           to_char(timestamp '2026-01-01' + n * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS'), 'now'${value}
         FROM generate_series(1, $1::int) AS n`,
        [size],
      )
      await pool.query(`VACUUM ANALYZE ${schema}.${table}`)
    }
  }
  const times: Samples = {}
  for (const [name, filter] of Object.entries(SHAPES)) {
    const calls: { size: number; name: string; call: () => Promise<unknown> }[] = []
    for (const [size, store] of stores) {
      const { next } = await store.page({ ...filter, limit: 20 })
      calls.push({ size, name, call: () => store.page({ ...filter, limit: 20 }) })
      if (next === undefined) continue
      calls.push({
        size,
        name: `${name}, next page`,
        call: () => store.page({ ...filter, limit: 20, after: next }),
      })
    }
    for (let round = -10; round < 200; round++) {
      for (const { size, name, call } of calls) {
        const start = performance.now()
        await call()
        if (round >= 0) add(times, `${size} rows`, name, [(performance.now() - start) * 1000])
      }
    }
  }
  for (const store of stores.values()) await store.close()
  return mapValues(times, (bySize) => mapValues(bySize, median))
}

/** Saves a second of eight processes, with `pg` and with the store, in turns. */
async function writers(url: string, writes: number): Promise<Columns> {
  const rates: Record<string, number[]> = { pg: [], 'task-store': [] }
  for (let round = 0; round < 4; round++) {
    const order = Object.entries(rates)
    for (const [name, all] of round % 2 === 0 ? order : order.toReversed()) {
      // When all of them have started and are warm.
      const at = Date.now() + 5000 + 5 * writes
      const clients = Array.from({ length: 8 }, (_, client) =>
        runWriter({ url, isRaw: name === 'pg', first: (8 * round + client) * writes, writes, at }),
      )
      all.push((8 * writes) / Math.max(...(await Promise.all(clients))))
    }
  }
  return mapValues(rates, (all) => ({ 'saves a second': median(all) }))
}

/** How many seconds the saves of a process took. */
async function runWriter(options: WriterOptions): Promise<number> {
  const trial = join(import.meta.dirname, '../trial.ts')
  const args = ['--import', 'tsx', trial, 'postgres-writer', JSON.stringify(options)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout).seconds
}

function mapValues<A, B>(object: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))
}
