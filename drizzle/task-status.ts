/** The statuses of UnifiedQuantum. A file can hold others. */
export const TASK_STATUSES = ['pending', 'running', 'success', 'failed', 'cancelled'] as const

/** A status that a write accepts. */
export type TaskStatus = (typeof TASK_STATUSES)[number]

/** A status that a file can hold, which is any text. Editors complete those of UnifiedQuantum. */
export type AnyStatus = TaskStatus | (string & Record<never, never>)

/** The statuses that a task never leaves. */
export const TERMINAL_STATUSES = ['success', 'failed', 'cancelled'] as const satisfies readonly TaskStatus[]

export function isTaskStatus(status: string): status is TaskStatus {
  return (TASK_STATUSES as readonly string[]).includes(status)
}

export function isTerminal(status: string): boolean {
  return (TERMINAL_STATUSES as readonly string[]).includes(status)
}
