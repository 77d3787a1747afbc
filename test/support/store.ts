import { TaskStore } from 'uniqc-task-store'

/** A store in memory. */
export const memory = () => new TaskStore({ file: ':memory:' })

/** A task that can be saved as it is. */
export const RUNNING = { taskId: 'a', backend: 'originq:WK_C180', status: 'running' } as const

/** A value where TypeScript would refuse it. */
export const wrong = <T>(value: unknown) => value as T
