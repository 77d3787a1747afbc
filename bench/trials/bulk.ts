import { copyFileSync, rmSync } from 'node:fs'
import { TaskStore } from 'uniqc-task-store'
import { makeTask, openPeer, type Peer } from '../peer.ts'
import { percentile } from '../percentile.ts'
import type { Times } from '../report.ts'

export interface BulkOptions {
  readonly file: string
  readonly peers: readonly string[]
  readonly count: number
  readonly rounds: number
}

const KEYS = 8
const SHARE = 0.15

/** Seconds of each whole call by peer, of CPU and by the clock. They take turns in this process, each on a fresh copy. */
export async function run({ file, peers, count, rounds }: BulkOptions) {
  const full = `${file}.full`
  const lines = `${file}.jsonl`
  const target = `${file}.target`
  function* tasks() {
    for (let i = 0; i < count; i++) yield makeTask(i, KEYS)
  }
  new TaskStore({ file }).close()
  copyFileSync(file, full)
  const store = new TaskStore({ file: full, synchronous: 'NORMAL' })
  store.saveMany(tasks())
  store.exportFile(lines)
  store.close()

  const calls: Readonly<Record<string, { from: string; call(peer: Peer): unknown }>> = {
    'save all': { from: file, call: (peer) => peer.saveAll?.(tasks()) },
    'list all': { from: full, call: (peer) => peer.listAll?.() },
    'iterate all': { from: full, call: (peer) => peer.iterateAll?.() },
    'export to JSON lines': { from: full, call: (peer) => peer.exportFile?.(`${target}.jsonl`) },
    'import of JSON lines': { from: file, call: (peer) => peer.importFile?.(lines) },
    'merge into an empty file': { from: file, call: (peer) => peer.mergeFile?.(full) },
  }
  const found: Measured[] = []
  for (let round = 0; round < rounds; round++) {
    for (const [name, { from, call }] of Object.entries(calls)) {
      for (const peer of round % 2 ? peers.toReversed() : peers) {
        copyFileSync(from, target)
        const opened = await openPeer(peer, target, 'NORMAL')
        found.push({ peer, name, ...measure(() => call(opened)) })
        await opened.close()
        for (const end of ['', '-wal', '-shm', '.jsonl']) rmSync(`${target}${end}`, { force: true })
      }
    }
  }

  const columns = (clock: 'cpu' | 'wall') =>
    Object.fromEntries(
      peers.map((peer) => {
        const times = Object.keys(calls).map((name) => {
          const rounds = found.filter((one) => one.peer === peer && one.name === name)
          return [
            name,
            percentile(
              rounds.map((one) => one[clock]),
              SHARE,
            ),
          ] as const
        })
        return [peer, Object.fromEntries(times) as Times]
      }),
    )
  return { cpu: columns('cpu'), wall: columns('wall') }
}

interface Measured {
  readonly peer: string
  readonly name: string
  readonly cpu: number
  readonly wall: number
}

function measure(work: () => unknown): { cpu: number; wall: number } {
  globalThis.gc?.()
  const start = performance.now()
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return { cpu: (user + system) / 1e6, wall: (performance.now() - start) / 1000 }
}
