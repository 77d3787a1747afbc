import type { JsonObject } from 'uniqc-task-store'

/** A task as every peer is given it. */
export interface BenchTask {
  readonly taskId: string
  readonly backend: string
  readonly status: 'running' | 'success'
  readonly shots: number
  readonly result: JsonObject
  readonly metadata: JsonObject
}

export type Synchronous = 'FULL' | 'NORMAL'

/** A way to keep tasks. What it cannot do it leaves out. */
export interface Peer {
  get(taskId: string): unknown
  save(task: BenchTask): unknown
  update(taskId: string, changes: Pick<BenchTask, 'status' | 'result'>): unknown
  delete(taskId: string): unknown
  list20?(): unknown
  listPlatform20?(): unknown
  /** Counts the tasks of one status. */
  count?(): unknown
  /** Saves all in one transaction. */
  saveAll?(tasks: Iterable<BenchTask>): unknown
  listAll?(): unknown
  iterateAll?(): unknown
  /** Writes all to a file of JSON lines. */
  exportFile?(file: string): unknown
  /** Saves all of a file of JSON lines, as `exportFile` writes them. */
  importFile?(file: string): unknown
  /** Takes all tasks of another database. */
  mergeFile?(file: string): unknown
  close(): unknown
}

/** Opens a file that a TaskStore has made. */
export type OpenPeer = (file: string, synchronous: Synchronous) => Peer | Promise<Peer>

/** Opens the peer of that name in `peers/`. */
export async function openPeer(name: string, file: string, synchronous: Synchronous): Promise<Peer> {
  const { open } = (await import(`./peers/${name}.ts`)) as { open: OpenPeer }
  return open(file, synchronous)
}

/** Counts of so many bit strings, and the metadata of a small circuit. */
export function makeTask(index: number, keys: number): BenchTask {
  const counts: JsonObject = {}
  const width = Math.max(2, Math.ceil(Math.log2(keys)))
  for (let key = 0; key < keys; key++)
    counts[key.toString(2).padStart(width, '0')] = 1 + ((key * 7 + index) % 97)
  return {
    taskId: `uqt_${index.toString(16).padStart(32, '0')}`,
    backend: 'originq:WK_C180',
    status: 'success',
    shots: 1000,
    result: counts,
    metadata: {
      circuit_ir: 'QINIT 2\nCREG 2\nH q[0]\nCNOT q[0],q[1]\n',
      circuit_language: 'OriginIR',
      index,
    },
  }
}
