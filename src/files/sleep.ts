const neverNotified = new Int32Array(new SharedArrayBuffer(4))

/** Blocks this thread for some milliseconds. */
export function sleep(milliseconds: number): void {
  Atomics.wait(neverNotified, 0, 0, milliseconds)
}
