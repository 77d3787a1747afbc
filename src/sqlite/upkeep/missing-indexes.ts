import type { Connection } from '../connection.ts'
import { readIndexes } from '../migrating/released-migrations.ts'
import type { Repaired } from './repaired.ts'

export function findMissingIndexes(connection: Connection): string[] {
  const sql = "SELECT name FROM main.sqlite_master WHERE type = 'index'"
  const found = new Set(
    connection
      .statement('indexes', () => sql)
      .all()
      .map(([name]) => name),
  )
  return [...readIndexes().keys()].filter((name) => !found.has(name))
}

export function createMissingIndexes(connection: Connection): Repaired {
  const missing = findMissingIndexes(connection)
  const statements = readIndexes()
  for (const name of missing) connection.client.exec(statements.get(name) ?? '')
  return { repaired: missing, unrepaired: [], reason: '' }
}
