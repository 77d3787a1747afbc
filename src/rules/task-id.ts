const PREFIX = 'uqt_'

/** A new task id of UnifiedQuantum's form: `uqt_` and 32 random hex digits. */
export function generateTaskId(): string {
  return PREFIX + Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex')
}

/** Whether a string is a task id of UnifiedQuantum's form: `uqt_` and 32 lower-case hex digits. */
export function isUniqcTaskId(text: string): boolean {
  return typeof text === 'string' && /^uqt_[0-9a-f]{32}$/.test(text)
}

/** Whether version 5 may have replaced this id: it kept every id that begins with `uqt_`. */
export function mayBeReplacedId(taskId: string): boolean {
  return !taskId.startsWith(PREFIX)
}
