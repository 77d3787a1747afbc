import { type TaskInfo, TaskStore } from 'uniqc-task-store'
import { tasks } from 'uniqc-task-store/schema'

const store = new TaskStore({ file: ':memory:' })
const saved: TaskInfo = store.save({ taskId: 'a', backend: 'b', status: 'running' })
const [found] = store.db.select().from(tasks).all()
if (found?.taskId !== saved.taskId) throw new Error('not found')
store.close()
