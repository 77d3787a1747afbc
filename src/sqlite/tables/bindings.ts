import { type SQL, sql } from 'drizzle-orm'

/** A placeholder for each name, bound as it is, past the codec of its column. */
export function bindings<Name extends string>(names: readonly Name[]): Record<Name, SQL> {
  return Object.fromEntries(names.map((name) => [name, sql`${sql.placeholder(name)}`])) as Record<Name, SQL>
}
