import { TaskPersistence } from '../ours.ts'
import type { BenchTask, OpenPeer } from '../peer.ts'

const records = new WeakMap<BenchTask, ReturnType<typeof makeRecord>>()

/** A caller of the adapter has a record: that it is made of a task is none of its work. */
function recordOf(task: BenchTask) {
  const record = records.get(task) ?? makeRecord(task)
  records.set(task, record)
  return record
}

const makeRecord = ({ taskId, backend, status, shots, result, metadata }: BenchTask) => ({
  ...metadata,
  task_id: taskId,
  platform: backend,
  status,
  shots,
  result,
})

export const open: OpenPeer = (file, synchronous) => {
  const persistence = new TaskPersistence({ file, synchronous })
  return {
    get: (taskId) => persistence.load(taskId),
    save: (task) => persistence.save(recordOf(task)),
    update: (taskId, changes) => persistence.update(taskId, changes),
    delete: (taskId) => persistence.delete(taskId),
    list20: () => persistence.listAll({ limit: 20 }),
    listPlatform20: () => persistence.listAll({ platform: 'originq', limit: 20 }),
    count: () => persistence.count({ status: 'success' }),
    close: () => persistence.close(),
  }
}
