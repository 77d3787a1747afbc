import Module from 'node:module'
import { Worker } from 'node:worker_threads'
import BetterSqlite3 from 'better-sqlite3'

/** Reads the whole copy, which takes seconds for a large one, and writes it to the disk, which may, too. */
const PROGRAM = `
  const { closeSync, fsyncSync, openSync } = require('node:fs')
  const { parentPort, workerData } = require('node:worker_threads')
  const Database = require(workerData.driver)
  const database = new Database(workerData.copy)
  let isSound = false
  try {
    // In WAL mode it would need a log beside it.
    if (workerData.flush) database.pragma('journal_mode = DELETE')
    isSound = database.pragma('integrity_check(1)', { simple: true }) === 'ok'
  } finally {
    database.close()
  }
  // Under its final name, a store of this process may have it open: closing a descriptor would drop its locks.
  if (workerData.flush) {
    const descriptor = openSync(workerData.copy, 'r+')
    fsyncSync(descriptor)
    closeSync(descriptor)
  }
  parentPort.postMessage(isSound)
`

type Loaded = Readonly<Record<string, { readonly exports: unknown; readonly filename: string } | undefined>>

/** The file that the driver was loaded from: a program that was bundled cannot tell by its own place. */
function driverFile(): string | undefined {
  const { _cache: loaded = {} } = Module as { readonly _cache?: Loaded }
  return Object.values(loaded).find((module) => module?.exports === BetterSqlite3)?.filename
}

/**
 * Makes a copy a single file and finds it sound, in a thread of its own, so that this one is not blocked. False also if
 * that thread cannot tell: what is wrong is for the caller to find out.
 */
export function isSoundAside(copy: string, { flush }: { readonly flush: boolean }): Promise<boolean> {
  return new Promise((fulfil) => {
    try {
      const driver = driverFile()
      if (driver === undefined) return fulfil(false)
      let isSound = false
      const worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: { driver, copy, flush } })
      worker.on('message', (answer: boolean) => {
        isSound = answer
      })
      // An exit follows it. Without a listener it would end the process.
      worker.on('error', () => undefined)
      worker.on('exit', () => fulfil(isSound))
    } catch {
      fulfil(false)
    }
  })
}
