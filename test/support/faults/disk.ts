import { linkSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import type { LogEntry } from './io-log.ts'
import type { Random } from './random.ts'

/** What a disk tears a write at, in bytes. */
const SECTOR = 512

const TWO_DAYS_AGO = new Date(Date.now() - 2 * 86_400_000)

type Change =
  | { readonly what: 'write'; readonly offset: number; readonly data: Buffer }
  | { readonly what: 'truncate'; readonly size: number }

/** A file by whatever names: what is on the disk, and what came after its last sync. */
class FileNode {
  durable: Bytes
  pending: Change[] = []

  constructor(content = Buffer.alloc(0)) {
    this.durable = new Bytes(content)
  }

  sync(): void {
    for (const change of this.pending) this.durable.apply(change)
    this.pending = []
  }
}

/** A name that is taken away and one that is set, as one step that is done or not. */
interface NameChange {
  readonly remove?: string | undefined
  readonly set?: readonly [name: string, node: Node]
}

class FolderNode {
  readonly names = new Map<string, Node>()
  durable = new Map<string, Node>()
  pending: NameChange[] = []

  change(change: NameChange): void {
    applyNames(this.names, change)
    this.pending.push(change)
  }

  sync(): void {
    this.durable = new Map(this.names)
    this.pending = []
  }
}

type Node = FileNode | FolderNode

/** Bytes that grow. */
class Bytes {
  #buffer: Buffer
  #length: number

  constructor(content: Buffer) {
    this.#buffer = content
    this.#length = content.length
  }

  get content(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  copy(): Bytes {
    return new Bytes(Buffer.from(this.content))
  }

  apply(change: Change): void {
    if (change.what === 'truncate') {
      this.#grow(change.size)
      this.#length = change.size
      return
    }
    const { offset, data } = change
    this.#grow(offset + data.length)
    data.copy(this.#buffer, offset)
  }

  /** What lies between the old end and the new one is zero. */
  #grow(length: number): void {
    if (length <= this.#length) return
    if (length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(length, this.#buffer.length * 2))
      this.content.copy(larger)
      this.#buffer = larger
    } else {
      this.#buffer.fill(0, this.#length, length)
    }
    this.#length = length
  }
}

function applyNames(names: Map<string, Node>, { remove, set }: NameChange): void {
  if (remove !== undefined) names.delete(remove)
  if (set !== undefined) names.set(...set)
}

/** What a power cut leaves of what was not synced. */
export interface Fates {
  /** How many of the changes to the names of a folder, the first ones, are there. */
  readonly names: (pending: number) => number
  /** What is there of the writes to a file, in their order. */
  readonly writes: (pending: readonly Change[]) => readonly Change[]
  /** The content of a file that is only mapped into memory, whose writes no log has. */
  readonly mapped: () => Buffer
}

/** A process is killed, and the machine goes on. */
export const NOTHING_LOST: Fates = {
  names: (pending) => pending,
  writes: (pending) => pending,
  mapped: () => Buffer.alloc(0),
}

/**
 * Fates of a power cut. Some cuts lose all that was not synced, some nothing; else each write is there, lost, or
 * torn between two sectors.
 */
export function powerCut(random: Random): Fates {
  const kept = random.pick([0, 0, 1, random.next(), random.next()])
  const tear = (change: Change): readonly Change[] => {
    if (change.what === 'truncate') return [change]
    const { offset, data } = change
    // A border is one of the file, not of the write.
    const first = SECTOR - (offset % SECTOR)
    if (data.length <= first) return []
    const sectors = Math.ceil((data.length - first) / SECTOR)
    const length = first + random.below(sectors) * SECTOR
    return random.chance(0.5)
      ? [{ what: 'write', offset, data: data.subarray(0, length) }]
      : [{ what: 'write', offset: offset + length, data: data.subarray(length) }]
  }
  return {
    names: (pending) => (kept === 0 || kept === 1 ? kept * pending : random.below(pending + 1)),
    writes: (pending) =>
      pending.flatMap((change, index) => {
        const isLast = index === pending.length - 1
        if (random.chance(isLast ? 0.3 : 0.1)) return tear(change)
        return random.chance(kept) ? [change] : []
      }),
    mapped: () => Buffer.from(Array.from({ length: random.below(3) * 16384 }, () => random.below(256))),
  }
}

/**
 * A folder on a disk that a power cut can hit, as strict as POSIX: a write is there for certain when its file was
 * synced after it, a name when its folder was. What names changed after a folder's last sync is kept up to one of
 * the changes and lost from there on.
 */
export class Disk {
  readonly #folder: string
  readonly #root: FolderNode
  readonly #open = new Map<number, Node>()
  readonly #ignoresSyncs: boolean

  /**
   * @param base What the folder held before, all of it durable.
   * @param folder Where it was when the log was written.
   */
  constructor(base: string, folder: string, options: { readonly ignoresSyncs?: boolean } = {}) {
    this.#folder = folder
    this.#root = load(base)
    this.#ignoresSyncs = options.ignoresSyncs ?? false
  }

  apply(entry: LogEntry): void {
    switch (entry.what) {
      case 'open':
        this.#opened(entry)
        return
      case 'close':
        this.#open.delete(entry.descriptor)
        return
      case 'write':
      case 'truncate':
        this.#fileAt(entry.descriptor).pending.push(entry)
        return
      case 'sync':
        if (!this.#ignoresSyncs) this.#nodeAt(entry.descriptor).sync()
        return
      case 'mkdir':
        this.#folderOf(entry.path).change({ set: [basename(entry.path), new FolderNode()] })
        return
      case 'unlink':
        this.#folderOf(entry.path).change({ remove: basename(entry.path) })
        return
      case 'link':
        this.#folderOf(entry.to).change({ set: [basename(entry.to), this.#find(entry.from)] })
        return
      case 'rename':
        this.#renamed(entry.from, entry.to)
        return
      case 'chmod':
      case 'mark':
        return
    }
  }

  /** The files that are there after a cut, by their paths in the folder. A file of two names has one content. */
  files(fates: Fates): Map<string, Buffer> {
    return new Map(this.#cut(fates).files)
  }

  /** Makes what is there two days after a cut. */
  write(fates: Fates, target: string): Map<string, Buffer> {
    const { folders, files } = this.#cut(fates)
    for (const folder of folders) mkdirSync(join(target, folder), { recursive: true })
    const written = new Map<Buffer, string>()
    for (const [path, content] of files) {
      const other = written.get(content)
      if (other === undefined) {
        writeFileSync(join(target, path), content)
        utimesSync(join(target, path), TWO_DAYS_AGO, TWO_DAYS_AGO)
      } else linkSync(join(target, other), join(target, path))
      written.set(content, path)
    }
    return new Map(files)
  }

  /** What was not synced, in words. */
  describe(): string {
    const words: string[] = []
    const visit = (node: Node, path: string) => {
      if (node instanceof FolderNode) {
        const changes = node.pending.map(({ remove, set }) =>
          [remove && `-${remove}`, set && `+${set[0]}`].filter(Boolean).join(' '),
        )
        if (changes.length > 0) words.push(`${path || '.'}: ${changes.join(', ')}`)
        for (const [name, child] of node.names) visit(child, join(path, name))
      } else if (node.pending.length > 0) words.push(`${path}: ${node.pending.length} writes`)
    }
    visit(this.#root, '')
    return words.join('; ')
  }

  #opened({ descriptor, path, isNew, isTruncated }: LogEntry & { what: 'open' }): void {
    if (isNew) this.#folderOf(path).change({ set: [basename(path), new FileNode()] })
    const node = this.#find(path)
    if (isTruncated && !isNew && node instanceof FileNode) node.pending.push({ what: 'truncate', size: 0 })
    this.#open.set(descriptor, node)
  }

  #renamed(from: string, to: string): void {
    const node = this.#find(from)
    const set = [basename(to), node] as const
    if (dirname(from) === dirname(to)) {
      this.#folderOf(to).change({ remove: basename(from), set })
    } else {
      this.#folderOf(to).change({ set })
      this.#folderOf(from).change({ remove: basename(from) })
    }
  }

  #cut(fates: Fates): { folders: string[]; files: [string, Buffer][] } {
    const folders: string[] = []
    const files: [string, Buffer][] = []
    const contents = new Map<FileNode, Buffer>()
    const visit = (folder: FolderNode, path: string) => {
      folders.push(path)
      const names = new Map(folder.durable)
      for (const change of folder.pending.slice(0, fates.names(folder.pending.length)))
        applyNames(names, change)
      for (const [name, node] of names) {
        const inside = join(path, name)
        if (node instanceof FolderNode) {
          visit(node, inside)
          continue
        }
        const content = contents.get(node) ?? contentOf(node, name, fates)
        contents.set(node, content)
        files.push([inside, content])
      }
    }
    visit(this.#root, '')
    return { folders, files }
  }

  #nodeAt(descriptor: number): Node {
    const node = this.#open.get(descriptor)
    if (node === undefined) throw new Error(`the log names a descriptor that is not open: ${descriptor}`)
    return node
  }

  #fileAt(descriptor: number): FileNode {
    const node = this.#nodeAt(descriptor)
    if (node instanceof FolderNode) throw new Error('the log writes to a folder')
    return node
  }

  #folderOf(path: string): FolderNode {
    const node = this.#find(dirname(path))
    if (node instanceof FileNode) throw new Error(`the log takes a file for a folder: ${dirname(path)}`)
    return node
  }

  #find(path: string): Node {
    let node: Node = this.#root
    for (const name of relative(this.#folder, path).split(sep)) {
      if (name === '') continue
      const child: Node | undefined = node instanceof FolderNode ? node.names.get(name) : undefined
      if (child === undefined) throw new Error(`the log names what is not there: ${path}`)
      node = child
    }
    return node
  }
}

function contentOf(node: FileNode, name: string, fates: Fates): Buffer {
  if (name.endsWith('-shm')) return fates.mapped()
  const bytes = node.durable.copy()
  for (const change of fates.writes(node.pending)) bytes.apply(change)
  return bytes.content
}

function load(folder: string): FolderNode {
  const node = new FolderNode()
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    node.names.set(entry.name, entry.isDirectory() ? load(path) : new FileNode(readFileSync(path)))
  }
  node.sync()
  return node
}
