import type pg from 'pg'
import type { BenchTask } from '../peer.ts'
import { type Row, readRow } from '../sql.ts'

export const COLUMNS =
  'task_id,backend,status,shots,submit_time,update_time,result_json,metadata_json,error_message'

/** What a program would do with `pg` alone: named statements, JSON.parse and JSON.stringify. */
export function openPg(pool: pg.Pool) {
  const now = () => new Date().toISOString().replace('Z', '000+00:00')
  const read = (row: Row) => {
    const task = readRow(row)
    // An int8 arrives as a text.
    task.shots = Number(task.shots)
    return task
  }
  const set = COLUMNS.split(',').filter((name) => name !== 'task_id' && name !== 'submit_time')
  const save = `INSERT INTO uniqc.tasks (${COLUMNS}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (task_id)
    DO UPDATE SET ${set.map((name) => `${name} = excluded.${name}`).join()} RETURNING submit_time`
  return {
    get: async (id: string) => {
      const text = `SELECT ${COLUMNS} FROM uniqc.tasks WHERE task_id = $1`
      return read((await pool.query({ name: 'get', text, values: [id] })).rows[0])
    },
    save: async (task: BenchTask) => {
      const { taskId, backend, status, shots, result, metadata } = task
      const cells = [JSON.stringify(result), JSON.stringify(metadata), null]
      const values = [taskId, backend, status, shots, now(), now(), ...cells]
      return (await pool.query({ name: 'save', text: save, values })).rows[0]
    },
    update: async (id: string, result: object) => {
      const text = `UPDATE uniqc.tasks SET status = $2, result_json = $3, update_time = $4 WHERE task_id = $1 RETURNING ${COLUMNS}`
      const values = [id, 'success', JSON.stringify(result), now()]
      return read((await pool.query({ name: 'update', text, values })).rows[0])
    },
    list: async () => {
      const text = `SELECT ${COLUMNS} FROM uniqc.tasks WHERE status = $1 ORDER BY submit_time DESC, seq DESC LIMIT 20`
      return (await pool.query({ name: 'list', text, values: ['success'] })).rows.map(read)
    },
  }
}
