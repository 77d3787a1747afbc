import Database from 'better-sqlite3'
import { desc, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { tasks } from '../ours.ts'
import type { OpenPeer } from '../peer.ts'
import { now } from '../sql.ts'

/** Drizzle's builder at every call, without preparation. */
export const open: OpenPeer = (file, synchronous) => {
  const database = new Database(file, { timeout: 5000 })
  database.pragma('journal_mode = WAL')
  database.pragma(`synchronous = ${synchronous}`)
  const db = drizzle({ client: database })
  return {
    get: (taskId) => db.select().from(tasks).where(eq(tasks.taskId, taskId)).get(),
    save: ({ taskId, ...task }) => {
      const time = now()
      const set = { ...task, updateTime: time, errorMessage: null }
      db.insert(tasks)
        .values({ taskId, submitTime: time, ...set })
        .onConflictDoUpdate({ target: tasks.taskId, set })
        .run()
    },
    update: (taskId, changes) =>
      db
        .update(tasks)
        .set({ ...changes, updateTime: now() })
        .where(eq(tasks.taskId, taskId))
        .returning()
        .all(),
    delete: (taskId) => db.delete(tasks).where(eq(tasks.taskId, taskId)).run().changes > 0,
    list20: () => db.select().from(tasks).orderBy(desc(tasks.submitTime), sql`rowid desc`).limit(20).all(),
    count: () =>
      db.select({ count: sql<number>`count(*)` }).from(tasks).where(eq(tasks.status, 'success')).get(),
    close: () => database.close(),
  }
}
