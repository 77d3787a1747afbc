import { execFileSync } from 'node:child_process'
import { TaskStore } from 'uniqc-task-store'
import { makeTask } from '../peer.ts'

export interface ColdOptions {
  readonly file: string
}

const DRIVER = `
  await import('better-sqlite3')
  await import('drizzle-orm')
  await import('drizzle-orm/sqlite-core')
  await import('drizzle-orm/better-sqlite3')
  const driver = performance.now() - start`

/** Milliseconds of a fresh process of plain Node, from its first line. */
export function run({ file }: ColdOptions) {
  const store = new TaskStore({ file })
  const { taskId } = store.save(makeTask(1, 4))
  store.close()
  const text = (before: string) => `
    const start = performance.now()
    ${before}
    const { TaskStore } = await import('uniqc-task-store')
    const imported = performance.now() - start
    const store = new TaskStore({ file: process.argv[1] })
    const opened = performance.now() - start
    if (store.get(process.argv[2]) === undefined) throw new Error('not there')
    console.log(JSON.stringify({ ${before === '' ? '' : 'driver,'} imported, opened, all: performance.now() - start }))`
  const node = (source: string) =>
    JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '--eval', source, '--', file, taskId], {
        encoding: 'utf8',
      }),
    )
  const whole = node(text(''))
  const { driver } = node(text(DRIVER))
  return {
    'driver and Drizzle': driver,
    import: whole.imported,
    'import, open': whole.opened,
    'import, open, get': whole.all,
  }
}
