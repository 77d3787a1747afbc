// Opens what power cuts and failing calls have left, in a process that has not seen them happen.
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { TaskStore, TaskStoreError } from 'uniqc-task-store'
import { listFiles } from './files.ts'
import { serve } from './program.ts'
import type { State } from './states.ts'

/** What to look at. */
export interface Look {
  readonly folder: string
  /** The store's file in the folder. */
  readonly file: string
  /** Other files that hold what a store holds, if they are there; they stay as they are. */
  readonly copies?: readonly string[]
}

/** What was found. */
export interface Found {
  readonly state: State
  /** What `check()` finds wrong, and what was not as it was on opening again. */
  readonly problems: readonly string[]
  /** The files of the folder after the store was opened and closed twice. */
  readonly names: readonly string[]
  readonly copies: Readonly<Record<string, State>>
}

const TABLES = ['tasks', 'task_shards', 'archived_tasks', 'archived_task_shards'] as const

function look({ folder, file, copies = [] }: Look): Found {
  const path = join(folder, file)
  const problems: string[] = []
  const state = readState(path, (store) => {
    const { isSound, findings } = store.check()
    if (!isSound) problems.push(JSON.stringify(findings))
    // It can be written.
    store.save({ taskId: 'probe', backend: 'b', status: 'running' })
    if (!store.delete('probe')) problems.push('a task that was saved is not there')
  })
  const again = readState(path)
  if (JSON.stringify(state) !== JSON.stringify(again))
    problems.push(`opened again, it holds: ${JSON.stringify(again)}`)
  return {
    state,
    problems,
    names: listFiles(folder),
    copies: Object.fromEntries(
      copies
        .filter((name) => existsSync(join(folder, name)))
        .map((name) => [name, readCopy(join(folder, name))]),
    ),
  }
}

function readCopy(file: string): State {
  const scratch = mkdtempSync(join(tmpdir(), 'uniqc-task-store-'))
  try {
    copyFileSync(file, join(scratch, 'copy.sqlite'))
    return readState(join(scratch, 'copy.sqlite'))
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function readState(file: string, use: (store: TaskStore) => void = () => {}): State {
  let store: TaskStore | undefined
  try {
    store = new TaskStore({ file })
    const state = dump(store.db.$client)
    use(store)
    return state
  } catch (error) {
    return { error: error instanceof TaskStoreError ? error.code : String(error) }
  } finally {
    store?.close()
  }
}

function dump(database: Database): State {
  const rows = TABLES.flatMap((table) => {
    const all = database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all() as Record<string, unknown>[]
    return all.map((row) => ({ table, row }))
  })
  const names = new Map<unknown, string>()
  for (const { row } of rows) {
    // A migration makes up an id, another one each time.
    const [, old] = /"legacy_platform_id": ?"([^"]+)"/.exec(String(row.metadata_json)) ?? []
    if (old !== undefined) names.set(row.task_id, `once ${old}`)
  }
  const state: Record<string, string> = {}
  for (const { table, row } of rows) {
    const id = row.task_id ?? row.uniqc_task_id
    const name = names.get(id) ?? String(id)
    const renamed = Object.entries(row).map(([column, value]) => [column, value === id ? name : value])
    state[name] = (state[name] ?? '') + JSON.stringify([table, ...renamed])
  }
  return state
}

serve(look)
