import type { FileIdentity } from './file-identity.ts'

interface Openable {
  readonly open: boolean
}

/** The connections of this thread, by the file that they have open. A connection may be collected unclosed. */
const opened = new Map<string, WeakRef<Openable>[]>()

const keyOf = ({ dev, ino }: FileIdentity) => `${dev} ${ino}`

/** Remembers that a connection has a file open. */
export function noteOpen(file: FileIdentity | undefined, connection: Openable): void {
  if (file !== undefined) opened.set(keyOf(file), [...connectionsOf(file), new WeakRef(connection)])
}

/** Forgets the connections to a file that are closed. */
export function forgetClosed(file: FileIdentity | undefined): void {
  if (file === undefined) return
  const left = connectionsOf(file)
  if (left.length === 0) opened.delete(keyOf(file))
  else opened.set(keyOf(file), left)
}

/**
 * Whether a store of this thread has a file open. To close another descriptor of such a file would drop the locks that
 * SQLite has on it in this process.
 */
export function isOpenHere(file: FileIdentity): boolean {
  return connectionsOf(file).length > 0
}

function connectionsOf(file: FileIdentity): WeakRef<Openable>[] {
  return opened.get(keyOf(file))?.filter((connection) => connection.deref()?.open) ?? []
}
