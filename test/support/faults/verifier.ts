// Opens what power cuts and failing calls have left, in a process that has not seen them happen.
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { TaskStore, TaskStoreError } from 'uniqc-task-store'
import { listFiles } from './files.ts'
import { serve } from './program.ts'
import { readTasks, type State } from './states.ts'

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
  const again = readState(path, (store) => {
    // What is left in the folders of copies goes when the next one is made there.
    for (const name of new Set(listFiles(folder).filter(isUnfinished).map(dirname))) {
      const next = join(folder, name, 'next.jsonl')
      store.exportFile(next)
      rmSync(next)
    }
  })
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

const isUnfinished = (path: string) => path.includes('.unfinished')

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
    const state = readTasks(store.db.$client)
    use(store)
    return state
  } catch (error) {
    return { error: error instanceof TaskStoreError ? error.code : String(error) }
  } finally {
    store?.close()
  }
}

serve(look)
