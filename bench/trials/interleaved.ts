import { copyFileSync } from 'node:fs'
import { TaskStore } from 'uniqc-task-store'
import { makeTask, openPeer, type Peer } from '../peer.ts'
import { percentile } from '../percentile.ts'
import type { Times } from '../report.ts'

export interface InterleavedOptions {
  readonly file: string
  /** The first is the limit. All of them are synchronous. */
  readonly peers: readonly string[]
  readonly keys: number
  readonly rounds: number
}

/** One call, of a number in its block and of a block in its round. */
type Call = (index: number, round: number) => unknown

/** What a block of the limit takes, in microseconds. */
const BLOCK = 2500
/** Preemption and checkpoints make the rest of the blocks longer. */
const SHARE = 0.15
/** Rounds before the first that counts: the compiler is done with each call by then. */
const WARM_UP = 40
/** Calls before each block that do not count: the processor's caches still hold what the peer before needed. */
const LEAD = 5
/** New tasks, more than a block of them saves. */
const FRESH = 500

/**
 * Microseconds of CPU a call, by peer and call. All work in this process, each on a copy of the same file, in
 * blocks that take turns: what the machine does meanwhile then falls on all of them alike.
 */
export async function run({ file, peers, keys, rounds }: InterleavedOptions) {
  const stored = keys > 100 ? 400 : 2000
  const store = new TaskStore({ file, synchronous: 'NORMAL' })
  store.saveMany(Array.from({ length: stored }, (_, i) => makeTask(i, keys)))
  store.close()
  const opened = await Promise.all(
    peers.map((peer) => {
      copyFileSync(file, `${file}.${peer}`)
      return openPeer(peer, `${file}.${peer}`, 'NORMAL')
    }),
  )
  const blocks = blocksOf(stored, keys)
  const sizes = warmUp(blocks, opened)

  const times = peers.map(() => blocks.map((): number[] => []))
  for (let round = 0; round < rounds; round++) {
    // Reversed each round, and begun with the next peer each second one: none always follows the same other.
    const order = peers.map((_, i) => (i + (round >> 1)) % peers.length)
    if (round % 2 === 1) order.reverse()
    for (const [b, block] of blocks.entries()) {
      for (const i of order) times[i]?.[b]?.push(measure(block.of(opened[i] as Peer), sizes[b] ?? 1, round))
    }
  }
  for (const peer of opened) peer.close()

  const columns = peers.map((peer, i): [string, Times] => {
    const figures = blocks.map(({ name }, b) => [name, percentile(times[i]?.[b] ?? [], SHARE)] as const)
    return [peer, Object.fromEntries(figures.filter(([, time]) => !Number.isNaN(time)))]
  })
  return Object.fromEntries(columns)
}

interface Block {
  readonly name: string
  /** Undefined where the peer cannot do it. */
  of(peer: Peer): Call | undefined
  /** Whether its calls are for new tasks: such blocks are of one size, and the last deletes what the first saved. */
  readonly isOfNew?: boolean
}

function blocksOf(stored: number, keys: number): readonly Block[] {
  const fresh = Array.from({ length: FRESH }, (_, i) => makeTask(1_000_000 + i, keys))
  const changes = (['running', 'success'] as const).map((status, i) => ({
    status,
    result: makeTask(i, keys).result,
  }))
  // All over the file, in no order that a cache would know.
  const ids = Array.from({ length: stored }, (_, i) => makeTask((i * 7919) % stored, 4).taskId)
  const idAt = (index: number) => ids[index % stored] as string
  const freshAt = (index: number) => fresh[index] as (typeof fresh)[number]
  return [
    { name: 'get', of: (peer) => (i) => peer.get(idAt(i)) },
    { name: 'list 20', of: (peer) => peer.list20 },
    { name: 'list 20 of a platform', of: (peer) => peer.listPlatform20 },
    { name: 'save new', of: (peer) => (i) => peer.save(freshAt(i)), isOfNew: true },
    { name: 'save again', of: (peer) => (i) => peer.save(freshAt(i)), isOfNew: true },
    { name: 'delete', of: (peer) => (i) => peer.delete(freshAt(i).taskId), isOfNew: true },
    {
      name: 'update',
      of: (peer) => (i, round) => peer.update(idAt(i), changes[(i + round) % 2] as (typeof changes)[number]),
    },
    { name: 'count of one status, again', of: (peer) => peer.count },
  ]
}

/** Runs all of it for the compiler, and finds how many calls of the limit make a block: as many for every peer. */
function warmUp(blocks: readonly Block[], opened: readonly Peer[]): number[] {
  let sizes = blocks.map(() => 10)
  for (let round = 0; round < WARM_UP; round++) {
    const wanted = blocks.map((block, b) => {
      const [time = 1] = opened.map((peer) => measure(block.of(peer), sizes[b] ?? 1, round))
      return Math.max(1, Math.round(BLOCK / Math.max(1, time)))
    })
    const saved = Math.min(FRESH - LEAD, wanted[blocks.findIndex(({ isOfNew }) => isOfNew)] ?? 1)
    sizes = wanted.map((size, b) => (blocks[b]?.isOfNew ? saved : size))
  }
  return sizes
}

/** Microseconds of CPU for each of so many calls. */
function measure(call: Call | undefined, size: number, round: number): number {
  if (call === undefined) return Number.NaN
  for (let i = size; i < size + LEAD; i++) call(i, round)
  const before = process.cpuUsage()
  for (let i = 0; i < size; i++) call(i, round)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / size
}
