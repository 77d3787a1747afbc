import { createRequire } from 'node:module'
import type { OpenPeer } from '../peer.ts'

const require = createRequire(import.meta.url)

/** keyv with its SQLite store, in a file of its own: it keeps values by key, and lists nothing. */
export const open: OpenPeer = async (file, synchronous) => {
  const { Keyv } = require('keyv')
  const KeyvSqlite = require('@keyv/sqlite').default
  const store = new KeyvSqlite({ uri: `sqlite://${file}.keyv`, busyTimeout: 5000 })
  await store.query('PRAGMA journal_mode = WAL')
  await store.query(`PRAGMA synchronous = ${synchronous}`)
  const keyv = new Keyv({ store })
  return {
    get: (taskId) => keyv.get(taskId),
    save: (task) => keyv.set(task.taskId, task),
    update: async (taskId, changes) => keyv.set(taskId, { ...(await keyv.get(taskId)), ...changes }),
    delete: (taskId) => keyv.delete(taskId),
    close: () => keyv.disconnect(),
  }
}
