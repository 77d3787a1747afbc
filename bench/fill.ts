import Database from 'better-sqlite3'
import { TaskStore } from 'uniqc-task-store'

const BACKENDS = [
  'originq:WK_C180',
  'originq:full_amplitude',
  'originq:HanYuan_01',
  'originq',
  'ibm:ibm_fez',
  'ibm:ibm_torino',
  'quafu:ScQ-P18',
  'quark:Baihua',
  'dummy:local:virtual-line-2',
]
const STATUSES = ['success', 'success', 'success', 'success', 'failed', 'cancelled', 'running', 'pending']
const START = Date.UTC(2023, 0, 1)
const STEP = 20_000

/** Makes a file with so many small tasks, submitted one after the other, on all backends in all statuses. */
export function fill(file: string, count: number): void {
  new TaskStore({ file }).close()
  const database = new Database(file)
  database.pragma('synchronous = OFF')
  const insert =
    database.prepare(`INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time, result_json)
    VALUES (?, ?, ?, 1000, ?, ?, '{"00":512,"11":488}')`)
  database.transaction(() => {
    for (let i = 0; i < count; i++) {
      const time = new Date(START + i * STEP).toISOString().replace('Z', '000+00:00')
      // Two steps that share no factor with the lengths: every pair occurs.
      const backend = BACKENDS[(i * 7 + Math.floor(i / 72)) % BACKENDS.length]
      insert.run(`uqt_${i.toString(16).padStart(32, '0')}`, backend, STATUSES[(i * 5) % 8], time, time)
    }
  })()
  database.close()
}

/** The time of the task at a depth, from 0 (the newest) to 1. */
export function timeAt(count: number, depth: number): string {
  return new Date(START + Math.floor(count * (1 - depth)) * STEP).toISOString().replace('Z', '000+00:00')
}
