/** The columns of a table by the fields that are bound for them. */
type Columns<Field extends string> = Readonly<Record<Field, string>>

/** Whether a column holds one of the texts in a JSON list that is bound. */
export const isOneOf = (column: string, name = 'ids') =>
  `${column} IN (SELECT value FROM json_each(:${name}))`

/** Sets the columns of some fields to what is bound for these. */
export const setters = <Field extends string>(columns: Columns<Field>, fields: readonly Field[]) =>
  fields.map((field) => `${columns[field]} = :${field}`).join()

/**
 * Inserts a row, or replaces some fields of the one with its key. To set a key to its own value would cost a statement
 * journal a row.
 */
export function upsertSql<Field extends string>(
  table: string,
  columns: Columns<Field>,
  key: readonly Field[],
  replaced: readonly Field[],
): string {
  const set = replaced.map((field) => `${columns[field]} = excluded.${columns[field]}`)
  const keys = key.map((field) => columns[field])
  return `INSERT INTO ${table} (${Object.values(columns).join()}) VALUES (${bindings(Object.keys(columns))})
    ON CONFLICT (${keys.join()}) DO UPDATE SET ${set.join()}`
}

/** What is bound for some fields. */
export const bindings = (fields: readonly string[]) => fields.map((field) => `:${field}`).join()
