import { execFileSync } from 'node:child_process'
import { TaskStore } from 'uniqc-task-store'
import { makeTask } from '../peer.ts'

export interface ColdOptions {
  readonly file: string
}

export const ALONE = 'driver alone: import, open, get'
export const WHOLE = 'import, open, get'

const DRIVER = `
  const { default: Database } = await import('better-sqlite3')
  const database = new Database(process.argv[1])
  if (database.prepare('SELECT * FROM tasks WHERE task_id = ?').get(process.argv[2]) === undefined) throw new Error('not there')
  show({ [${JSON.stringify(ALONE)}]: used() })`

const OURS = `
  const { TaskStore } = await import('uniqc-task-store')
  const imported = used()
  const store = new TaskStore({ file: process.argv[1] })
  const opened = used()
  if (store.get(process.argv[2]) === undefined) throw new Error('not there')
  show({ import: imported, 'import, open': opened, [${JSON.stringify(WHOLE)}]: used() })`

/** Milliseconds of CPU of fresh processes of plain Node, one of which does nothing. */
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
  return { ...node('show({ nothing: used() })'), ...node(DRIVER), ...node(OURS) }
}
