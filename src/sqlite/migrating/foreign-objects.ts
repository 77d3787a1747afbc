import type { Database } from 'better-sqlite3'
import { UPSTREAM_TABLES } from '../../../drizzle/tables.ts'

/**
 * The ledger, in Drizzle's form. Its name is not Drizzle's own: drizzle-kit skips a migration that is older than the
 * newest in its ledger, so a project with tables beside ours would lose migrations of its own.
 */
export const LEDGER = '__uniqc_task_store_migrations'

/** The key of each table of ours; undefined where it does not matter. */
const KEYS: ReadonlyMap<string, string | undefined> = new Map([
  [LEDGER, undefined],
  ...UPSTREAM_TABLES.map(({ name, key }) => [name, key.join()] as const),
])

/** Something that another program left on or under the names of our tables. It would run, or change what a query means. */
export interface ForeignObject {
  readonly what: string
  /** The statement that removes it. */
  readonly drop: string
  /** Whether it stands in the place of a table of ours. */
  readonly isTable: boolean
}

/** Triggers on our tables, and what stands under one of our names without being the table that we know. */
export function findForeignObjects(database: Database): ForeignObject[] {
  const objects = database
    .prepare(
      `SELECT type, name, tbl_name FROM main.sqlite_master
       WHERE type IN ('trigger', 'view', 'table') AND lower(tbl_name) IN (SELECT value FROM json_each(?))`,
    )
    .raw()
    .all(JSON.stringify([...KEYS.keys()])) as [string, string, string][]
  const problemOf = problemsOf(database)
  return objects.flatMap(([type, name, table]) => {
    if (type === 'trigger') return foreign(`the trigger ${name} on ${table}`, 'TRIGGER', name)
    if (type === 'view') return foreign(`the view ${name}`, 'VIEW', name)
    const problem = problemOf(name)
    return problem === undefined ? [] : foreign(`the table ${name}, ${problem}`, 'TABLE', name)
  })
}

function foreign(what: string, kind: string, name: string): ForeignObject[] {
  return [{ what, drop: `DROP ${kind} "${name.replaceAll('"', '""')}"`, isTable: kind !== 'TRIGGER' }]
}

/** Returns a function that says why a table is not ours; it returns undefined for one that is. */
function problemsOf(database: Database): (name: string) => string | undefined {
  const kindOf = database.prepare("SELECT type, wr FROM pragma_table_list(?) WHERE schema = 'main'").raw()
  const keyOf = database
    .prepare("SELECT name, type FROM pragma_table_info(?, 'main') WHERE pk > 0 ORDER BY pk")
    .raw()
  return (name) => {
    const [kind, isWithoutRowid] = kindOf.get(name) as [string, number]
    if (kind === 'virtual') return 'which is virtual'
    if (isWithoutRowid === 1) return 'which is WITHOUT ROWID'
    const expected = KEYS.get(name.toLowerCase())
    if (expected === undefined) return undefined
    const columns = keyOf.all(name) as [string, string][]
    // Of the type INTEGER, a key is another name for the rowid.
    const isRowid = columns.length === 1 && /^integer$/i.test(columns[0]?.[1] ?? '')
    const isExpected = columns.map(([column]) => column).join() === expected && !isRowid
    return isExpected ? undefined : 'which has another key'
  }
}
