import { execFileSync } from 'node:child_process'
import { TaskStore } from 'uniqc-task-store'
import { makeTask } from '../peer.ts'

export interface ColdOptions {
  readonly file: string
}

const DRIVER = `
  const { default: Database } = await import('better-sqlite3')
  const database = new Database(process.argv[1])
  if (database.prepare('SELECT * FROM tasks WHERE task_id = ?').get(process.argv[2]) === undefined) throw new Error('not there')
  show({ 'driver alone: import, open, get': used() })`

const OURS = `
  const { TaskStore } = await import('uniqc-task-store')
  const imported = used()
  const store = new TaskStore({ file: process.argv[1] })
  const opened = used()
  if (store.get(process.argv[2]) === undefined) throw new Error('not there')
  show({ import: imported, 'import, open': opened, 'import, open, get': used() })`

/** Milliseconds of CPU of a fresh process of plain Node, over one that does nothing. */
export function run({ file }: ColdOptions) {
  const store = new TaskStore({ file })
  const { taskId } = store.save(makeTask(1, 4))
  store.close()
  const node = (source: string): Record<string, number> => {
    const program = `
      const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
      const show = (found) => console.log(JSON.stringify(found))
      ${source}`
    return JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '--eval', program, '--', file, taskId], {
        encoding: 'utf8',
      }),
    )
  }
  const { nothing = 0 } = node('show({ nothing: used() })')
  const [driver, ours] = [node(DRIVER), node(OURS)]
  const [alone = 0, whole = 0] = [Object.values(driver).at(-1), Object.values(ours).at(-1)]
  const found = Object.entries({ ...driver, ...ours }).map(([what, used]) => [what, used - nothing])
  return { ...Object.fromEntries(found), 'over the driver': whole - alone }
}
