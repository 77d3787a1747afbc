import type { Database } from 'better-sqlite3'

/**
 * What a store holds: each task with its shards as a text, by its id. Where a file cannot be opened, the code of
 * the error under `error`.
 */
export type State = Readonly<Record<string, string>>

const TABLES = ['tasks', 'task_shards', 'archived_tasks', 'archived_task_shards'] as const

export function readTasks(database: Database): State {
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

export const isSame = (a: State, b: State) =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((id) => a[id] === b[id])

/** Whether a store holds what it held before or after a step, or in batches some of the one and some of the other. */
export function isWhole(found: State, before: State, after: State, isInBatches: boolean): boolean {
  if (isSame(found, before) || isSame(found, after)) return true
  if (!isInBatches) return false
  return idsOf(found, before, after).every((id) => found[id] === before[id] || found[id] === after[id])
}

/** The first tasks that are neither as before nor as after, in words. */
export function differences(found: State, before: State, after: State): string {
  const ids = idsOf(found, before, after)
  const differing = ids.filter((id) => found[id] !== before[id] && found[id] !== after[id])
  const shown = differing
    .slice(0, 2)
    .map((id) => `${id} is ${found[id]}, was ${before[id]}, would be ${after[id]}`)
  const counts = [found, before, after].map((state) => state.error ?? `${Object.keys(state).length} tasks`)
  return `it holds ${counts[0]}; before: ${counts[1]}; after: ${counts[2]}. ${shown.join('; ')}`.slice(
    0,
    1500,
  )
}

const idsOf = (...states: readonly State[]) => [...new Set(states.flatMap(Object.keys))]

/** A text without the parts of seconds: they depend on how often a call was tried. */
export const maskTimes = (text: string) => text.replaceAll(/\.\d{6}(?=\+00:00)/g, '')

export const maskState = (state: State): State =>
  Object.fromEntries(Object.entries(state).map(([id, text]) => [id, maskTimes(text)]))
