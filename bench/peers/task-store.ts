import { TaskStore } from '../ours.ts'
import type { OpenPeer } from '../peer.ts'

export const open: OpenPeer = (file, synchronous) => {
  const store = new TaskStore({ file, synchronous })
  return {
    get: (taskId) => store.get(taskId),
    save: (task) => store.save(task),
    update: (taskId, changes) => store.update(taskId, changes),
    delete: (taskId) => store.delete(taskId),
    list20: () => store.list({ limit: 20 }),
    listPlatform20: () => store.list({ platform: 'originq', limit: 20 }),
    count: () => store.count({ status: 'success' }),
    saveAll: (tasks) => store.saveMany(tasks),
    listAll: () => store.list(),
    iterateAll: () => {
      for (const _ of store.iterate());
    },
    exportFile: (path) => store.exportFile(path),
    importFile: (path) => store.importFile(path),
    mergeFile: (path) => store.mergeFile(path),
    close: () => store.close(),
  }
}
