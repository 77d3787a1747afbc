import assert from 'node:assert/strict'
import Database from 'better-sqlite3'

/** A file that SQLite finds whole, and in which every shard has its task. */
export function assertSound(file: string): void {
  const database = new Database(file)
  assertSoundDatabase(database)
  database.close()
}

/** {@link assertSound} of a file, or of a database in memory, that is open. */
export function assertSoundDatabase(database: Database.Database): void {
  assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
  assert.deepEqual(database.pragma('foreign_key_check'), [])
  const strays = `SELECT uniqc_task_id FROM archived_task_shards
    WHERE uniqc_task_id NOT IN (SELECT task_id FROM archived_tasks)`
  assert.deepEqual(database.prepare(strays).all(), [])
}
