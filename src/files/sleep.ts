const neverNotified = new Int32Array(new SharedArrayBuffer(4))

let beforeSleep = () => {}

/** Blocks this thread for some milliseconds. */
export function sleep(milliseconds: number): void {
  beforeSleep()
  Atomics.wait(neverNotified, 0, 0, milliseconds)
}

/** Sets what is called before each {@link sleep} of this thread. */
export function onSleep(callback: () => void): void {
  beforeSleep = callback
}
