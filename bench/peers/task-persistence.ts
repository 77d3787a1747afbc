import { TaskPersistence } from '../ours.ts'
import type { BenchTask, OpenPeer } from '../peer.ts'

const toRecord = ({ taskId, backend, status, shots, result, metadata }: BenchTask) => ({
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
    save: (task) => persistence.save(toRecord(task)),
    update: (taskId, changes) => persistence.update(taskId, changes),
    delete: (taskId) => persistence.delete(taskId),
    list20: () => persistence.listAll({ limit: 20 }),
    count: () => persistence.count(),
    close: () => persistence.close(),
  }
}
