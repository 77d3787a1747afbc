/** The statuses of UnifiedQuantum. A file can hold others. */
export const TASK_STATUSES = ['pending', 'running', 'success', 'failed', 'cancelled'] as const

/** A status that a write takes. */
export type TaskStatus = (typeof TASK_STATUSES)[number]

/** The statuses that a task does not leave any more. */
export const TERMINAL_STATUSES = ['success', 'failed', 'cancelled'] as const satisfies readonly TaskStatus[]
