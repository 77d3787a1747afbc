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

export function* createMissingIndexes(connection: Connection): Generator<Repaired> {
  const statements = readIndexes()
  for (const name of findMissingIndexes(connection)) {
    connection.client.exec(statements.get(name) ?? '')
    yield { row: name }
  }
}
