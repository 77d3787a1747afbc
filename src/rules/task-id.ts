const PREFIX = 'uqt_'

/** A new task id of UnifiedQuantum's form: `uqt_` and 32 random hex digits. */
export function generateTaskId(): string {
  return PREFIX + Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex')
}

/** Whether a string is a task id of UnifiedQuantum: one that begins with `uqt_`, as UnifiedQuantum decides it. */
export function isUniqcTaskId(text: string): boolean {
  return typeof text === 'string' && text.startsWith(PREFIX)
}

/** Whether an id is one that is generated, which no two tasks have by chance. */
export function isGeneratedId(taskId: string): boolean {
  return /^uqt_[0-9a-f]{32}$/.test(taskId)
}

/** Whether version 5 may have replaced this id: it kept every id that begins with `uqt_`. */
export function mayBeReplacedId(taskId: string): boolean {
  return !isUniqcTaskId(taskId)
}
