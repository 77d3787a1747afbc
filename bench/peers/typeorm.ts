import { createRequire } from 'node:module'
import type { OpenPeer } from '../peer.ts'
import { now } from '../sql.ts'

// Loaded untyped: bench/ has its own dependencies, which the type check of the package does not need.
const { DataSource, EntitySchema } = createRequire(import.meta.url)('typeorm')

const TASK = new EntitySchema({
  name: 'task',
  tableName: 'tasks',
  columns: {
    taskId: { type: 'text', name: 'task_id', primary: true },
    backend: { type: 'text' },
    status: { type: 'text' },
    shots: { type: 'integer' },
    submitTime: { type: 'text', name: 'submit_time' },
    updateTime: { type: 'text', name: 'update_time' },
    result: { type: 'simple-json', name: 'result_json', nullable: true },
    metadata: { type: 'simple-json', name: 'metadata_json' },
    errorMessage: { type: 'text', name: 'error_message', nullable: true },
  },
})

/** TypeORM on better-sqlite3 and the same table. */
export const open: OpenPeer = async (file, synchronous) => {
  const source = new DataSource({ type: 'better-sqlite3', database: file, entities: [TASK], enableWAL: true })
  await source.initialize()
  await source.query(`PRAGMA synchronous = ${synchronous}`)
  const tasks = source.getRepository(TASK)
  return {
    get: (taskId) => tasks.findOneBy({ taskId }),
    save: (task) => {
      const time = now()
      return tasks.upsert({ ...task, submitTime: time, updateTime: time, errorMessage: null }, ['taskId'])
    },
    update: (taskId, changes) => tasks.update({ taskId }, { ...changes, updateTime: now() }),
    delete: (taskId) => tasks.delete({ taskId }),
    list20: () => tasks.find({ order: { submitTime: 'DESC' }, take: 20 }),
    count: () => tasks.countBy({ status: 'success' }),
    close: () => source.destroy(),
  }
}
