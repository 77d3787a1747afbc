type Loaded = Readonly<Record<string, { readonly exports: unknown; readonly filename: string } | undefined>>

/** The file that a driver was loaded from: a program that was bundled cannot tell by its own place. */
function fileOf(driver: unknown): string | undefined {
  const { _cache: loaded = {} } = process.getBuiltinModule('node:module') as { readonly _cache?: Loaded }
  return Object.values(loaded).find((module) => module?.exports === driver)?.filename
}

/**
 * Runs a program in a thread of its own, so that this one is not blocked. It is the body of an async function of
 * `Database`, the driver, `data`, and `tell`, which calls `onProgress` here. If that throws, the program is ended.
 *
 * @param driver The one in use here: another copy of SQLite would drop the locks of this one.
 * @returns Whether it returned true. False also if it threw, or cannot be run: what is wrong is for the caller to find
 * out.
 */
export function runAside<Progress>(
  driver: unknown,
  program: string,
  data: object,
  onProgress?: (progress: Progress) => void,
): Promise<boolean> {
  return new Promise((fulfil, reject) => {
    try {
      const path = fileOf(driver)
      if (path === undefined) return fulfil(false)
      // Loaded here, and not by every process that opens a store.
      const { Worker } = process.getBuiltinModule('node:worker_threads')
      const worker = new Worker(
        `const { parentPort, workerData: { path, data } } = require('node:worker_threads')
        const tell = (progress) => parentPort.postMessage(progress)
        const work = async (Database) => {${program}}
        work(require(path)).then((done) => tell(done === true))`,
        { eval: true, execArgv: [], workerData: { path, data } },
      )
      let isDone = false
      let ending: { readonly error: unknown } | undefined
      worker.on('message', (message: boolean | Progress) => {
        if (typeof message === 'boolean') isDone = message
        else if (ending === undefined) {
          try {
            onProgress?.(message)
          } catch (error) {
            ending = { error }
            void worker.terminate()
          }
        }
      })
      // An exit follows it. Without a listener it would end the process.
      worker.on('error', () => undefined)
      worker.on('exit', () => {
        if (ending === undefined) fulfil(isDone)
        else reject(ending.error)
      })
    } catch {
      fulfil(false)
    }
  })
}
