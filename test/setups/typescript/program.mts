import { eq } from 'drizzle-orm'
import { type TaskInfo, TaskStore } from 'uniqc-task-store'
import { tasks } from 'uniqc-task-store/schema'

const store = new TaskStore({ file: ':memory:' })
const saved: TaskInfo = store.save({ taskId: 'a', backend: 'b', status: 'running' })
const [found] = store.db.select().from(tasks).where(eq(tasks.taskId, saved.taskId)).all()
if (found?.status !== 'running') throw new Error('not found')
store.close()
