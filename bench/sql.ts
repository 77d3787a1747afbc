// What a careful programmer writes by hand, for the drivers that are compared with.
import type { BenchTask } from './peer.ts'

export const SAVE = `INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time, result_json, metadata_json, error_message)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(task_id) DO UPDATE SET backend = excluded.backend, status = excluded.status,
  shots = excluded.shots, update_time = excluded.update_time, result_json = excluded.result_json,
  metadata_json = excluded.metadata_json, error_message = excluded.error_message`
export const GET = 'SELECT * FROM tasks WHERE task_id = ?'
export const UPDATE =
  'UPDATE tasks SET status = ?, result_json = ?, update_time = ? WHERE task_id = ? RETURNING *'
export const DELETE = 'DELETE FROM tasks WHERE task_id = ?'
export const LIST = 'SELECT * FROM tasks ORDER BY submit_time DESC, rowid DESC'
// With the cast, as ours: a number of JavaScript is bound as a float.
export const LIST_SOME = `${LIST} LIMIT CAST(? AS INTEGER)`
export const COUNT = 'SELECT count(*) AS count FROM tasks WHERE status = ?'

/** A row of `tasks`. */
export interface Row {
  readonly task_id: string
  readonly backend: string
  readonly status: string
  readonly shots: number
  readonly submit_time: string
  readonly update_time: string
  readonly result_json: string | null
  readonly metadata_json: string
  readonly error_message: string | null
}

export const now = () => new Date().toISOString().replace('Z', '000+00:00')

/** What SAVE binds for a task that is submitted now. */
export function valuesOf({ taskId, backend, status, shots, result, metadata }: BenchTask, time = now()) {
  return [
    taskId,
    backend,
    status,
    shots,
    time,
    time,
    JSON.stringify(result),
    JSON.stringify(metadata),
    null,
  ] as const
}

export function readRow(row: Row) {
  return {
    taskId: row.task_id,
    backend: row.backend,
    status: row.status,
    shots: row.shots,
    submitTime: row.submit_time,
    updateTime: row.update_time,
    result: row.result_json === null ? null : JSON.parse(row.result_json),
    metadata: JSON.parse(row.metadata_json),
    errorMessage: row.error_message,
  }
}
