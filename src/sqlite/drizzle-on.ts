import type { Database } from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import type { TaskDatabase } from './statement.ts'

/** Drizzle on a connection. The package that is built loads it when this is first called. */
export function drizzleOn(client: Database): TaskDatabase {
  return drizzle({ client })
}
