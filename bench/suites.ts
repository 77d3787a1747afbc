import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MEMORY, showMemory } from './folders.ts'
import { hasPython } from './python.ts'
import type { Table } from './report.ts'
import { runTrial, takeTurns } from './run-trial.ts'
import { ALONE, WHOLE } from './trials/cold.ts'
import { canTrace } from './trials/fsyncs.ts'

type Columns = Table['columns']

const hasNodeSqlite = Number(process.versions.node.split('.')[0]) >= 24
const synchronousPeers = [
  'raw',
  'task-store',
  'task-persistence',
  'drizzle',
  ...(hasNodeSqlite ? ['node-sqlite'] : []),
]
const otherPeers = [
  ...(existsSync(join(import.meta.dirname, 'peers/node_modules')) ? ['typeorm', 'keyv'] : []),
  ...(hasPython() ? ['original'] : []),
]

/** What is measured, by its name: each suite yields a table as soon as it has it. */
export const SUITES: Readonly<Record<string, (quick: boolean) => Iterable<Table>>> = {
  *interleaved(quick) {
    const rounds = quick ? 30 : 70
    for (const keys of [4, 1024]) {
      const options = { peers: synchronousPeers, keys, rounds }
      yield {
        title: `Single records, results of ${keys} keys, synchronous NORMAL`,
        unit: 'microseconds of CPU a call',
        columns: runTrial<Columns>('interleaved', options, MEMORY),
        note: `In one process, in turns of 2.5 ms, ${rounds} rounds after the compiler is done, ${showMemory()}: 15th percentiles.`,
      }
    }
  },

  *single(quick) {
    for (const keys of [4, 1024]) {
      const count = (keys === 4 ? 3000 : 500) / (quick ? 4 : 1)
      const trials = Object.fromEntries(
        ['raw', ...otherPeers].map((peer) => {
          // It takes milliseconds a call.
          const options = { peer, keys, count: peer === 'original' ? count / 10 : count }
          return [peer, () => runTrial('single', options, MEMORY)]
        }),
      )
      yield {
        title: `Single records of others, results of ${keys} keys, synchronous NORMAL`,
        unit: 'microseconds a call',
        columns: takeTurns(quick ? 1 : 3, trials),
        note: `A process each, ${showMemory()}: medians, by the clock.`,
      }
    }
  },

  *fsyncs(quick) {
    const count = quick ? 100 : 400
    const isTraced = canTrace()
    const peers = ['raw', 'task-store', 'task-persistence']
    yield {
      title: 'Flushes of the disk, synchronous FULL',
      unit: 'fsyncs a commit',
      columns: isTraced
        ? Object.fromEntries(peers.map((peer) => [peer, runTrial('fsyncs', { peer, count })]))
        : {},
      note: isTraced
        ? `Counted by strace over ${count} commits, those of checkpoints among them.`
        : 'Not counted: strace is not there, or may not look.',
    }
  },

  *bulk(quick) {
    const count = quick ? 5000 : 100_000
    const rounds = quick ? 3 : 5
    const options = { peers: ['raw', 'task-store'], count, rounds }
    const { cpu, wall } = runTrial<{ cpu: Columns; wall: Columns }>('bulk', options, MEMORY)
    const note = `In one process, in turns, ${rounds} rounds, ${showMemory()}: 15th percentiles.`
    yield { title: `Bulk, ${count} records`, unit: 'seconds of CPU', columns: cpu, note }
    yield { title: `Bulk, ${count} records, by the clock`, unit: 'seconds', columns: wall, note }
  },

  *scale(quick) {
    const sizes = quick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000]
    const columns = sizes.map((count) => [`${count} rows`, runTrial('scale', { count })] as const)
    yield {
      title: 'Lists, pages and counts by size',
      unit: 'microseconds a call',
      columns: Object.fromEntries(columns),
      reference: '10000 rows',
      note: 'Compared with 10,000 rows: of 1000, some filters match fewer than a page.',
    }
  },

  *wide(quick) {
    const sizes = quick ? [10_000, 30_000] : [30_000, 300_000]
    const columns = sizes.map((count) => [`${count} rows`, runTrial('wide', { count })] as const)
    yield {
      title: 'Pages of 20 and iterations, 10,000 backends and 100 statuses, by size',
      unit: 'microseconds a page, or a task of an iteration',
      columns: Object.fromEntries(columns),
    }
  },

  *indexes(quick) {
    for (const synchronous of ['NORMAL', 'FULL'] as const) {
      const options = {
        synchronous,
        size: quick ? 10_000 : 100_000,
        count: synchronous === 'FULL' ? 300 : 3000,
      }
      const trials = {
        "UnifiedQuantum's indexes": () => runTrial('indexes', { ...options, isOurs: false }),
        'and ours': () => runTrial('indexes', { ...options, isOurs: true }),
      }
      yield {
        title: `What indexes cost a write, synchronous ${synchronous}`,
        unit: 'microseconds',
        columns: takeTurns(quick ? 1 : 5, trials),
      }
    }
  },

  *writers(quick) {
    const count = quick ? 1000 : 10_000
    yield {
      title: 'Four processes that write without a pause',
      unit: '',
      columns: { all: runTrial('writers', { count }) },
    }
  },

  *'python-waits'(quick) {
    const seconds = quick ? 3 : 20
    const isThere = hasPython()
    yield {
      title: `Python saves every 30 ms beside a store that saves without a pause, ${seconds} s`,
      unit: '',
      columns: isThere ? { all: runTrial('python-waits', { seconds }) } : {},
      ...(isThere ? {} : { note: 'Not measured: python3 is not there.' }),
    }
  },

  *locks(quick) {
    const count = quick ? 20_000 : 1_000_000
    const calls = ['clearCompleted', 'clearAll', 'archiveOlderThan', 'importFile']
    const columns = calls.map((call) => [call, runTrial('locks', { count, call })] as const)
    yield {
      title: `The longest lock, over ${count} rows`,
      unit: '',
      columns: Object.fromEntries(columns),
    }
  },

  *memory(quick) {
    const sizes = quick ? [10_000, 50_000] : [100_000, 1_000_000]
    const calls = ['iterate', 'saveMany', 'importFile', 'mergeFile', 'archiveOlderThan']
    const columns = sizes.map((count) => {
      const rows = calls.flatMap((call) =>
        Object.entries(runTrial('memory', { count, call })).map(
          ([what, n]) => [`${call}: ${what}`, n] as const,
        ),
      )
      return [`${count} records`, Object.fromEntries(rows)] as const
    })
    yield { title: 'Memory and CPU of a call, by size', unit: '', columns: Object.fromEntries(columns) }
  },

  *blocks(quick) {
    const count = quick ? 50_000 : 1_000_000
    yield {
      title: `A backup of ${count} tasks, and the event loop`,
      unit: '',
      columns: { all: runTrial('blocks', { count }) },
    }
  },

  *threads(quick) {
    const options = { keys: 4, rounds: quick ? 10 : 40 }
    const { cpu, wall } = runTrial<Record<'cpu' | 'wall', Columns>>('threads', options, MEMORY)
    const title = 'A store in a thread, results of 4 keys, synchronous NORMAL'
    const note = `In one process, in turns of 200 calls, ${options.rounds} rounds, ${showMemory()}: 15th percentiles.`
    yield { title, unit: 'microseconds of CPU a call, of both threads', columns: cpu, note }
    yield { title: `${title}, by the clock`, unit: 'microseconds a call', columns: wall, note }
  },

  *postgres(quick) {
    const options = {
      stored: 20_000,
      rounds: quick ? 10 : 40,
      bulk: quick ? 10_000 : 100_000,
      sizes: quick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000],
      writes: quick ? 200 : 2000,
    }
    const tables = runTrial<Record<'cpu' | 'wall' | 'bulk' | 'lists' | 'writers', Columns>>(
      'postgres',
      options,
    )
    const note = `On a socket, synchronous_commit off, in turns, ${options.rounds} rounds`
    yield {
      title: 'PostgreSQL, single records',
      unit: 'microseconds of CPU of the client a call',
      columns: tables.cpu,
      note: `${note}: 25th percentiles. pg alone: named statements, JSON.parse.`,
    }
    yield {
      title: 'PostgreSQL, single records, by the clock',
      unit: 'microseconds a call',
      columns: tables.wall,
      note: `${note}: medians.`,
    }
    yield {
      title: `PostgreSQL, ${options.bulk} records into empty tables with their indexes`,
      unit: 'seconds',
      columns: tables.bulk,
    }
    yield {
      title: 'PostgreSQL, pages of 20 by size',
      unit: 'microseconds a page',
      columns: tables.lists,
      note: 'As many tasks in the archive. The sizes take turns: medians of 200, by the clock.',
    }
    yield {
      title: 'PostgreSQL, eight processes that save',
      unit: '',
      columns: tables.writers,
      note: 'In turns, when they have saved for a while: medians of 4.',
    }
  },

  *cold(quick) {
    const { all = {} } = takeTurns(quick ? 3 : 31, { all: () => runTrial('cold', {}) }, 0.15)
    const { nothing = Number.NaN, [ALONE]: alone = Number.NaN, [WHOLE]: whole = Number.NaN } = all
    const over = Object.entries(all).map(([what, used]) => [what, used - nothing] as const)
    yield {
      title: 'A fresh process',
      unit: 'milliseconds of CPU',
      columns: { all: { ...Object.fromEntries(over.slice(1)), 'over the driver': whole - alone } },
      note: 'Over a process that does nothing: the 15th percentiles of processes that take turns.',
    }
  },

  *'command-line'(quick) {
    const count = quick ? 1000 : 1_000_000
    const trials = { all: () => runTrial('command-line', { count: 1000 }) }
    yield {
      title: 'The command line, from the start of its process to the end',
      unit: 'milliseconds',
      columns: takeTurns(quick ? 3 : 15, trials),
    }
    yield {
      title: `The command line over ${count} rows`,
      unit: '',
      columns: { all: runTrial('long-lists', { count }) },
    }
  },
}
