import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Writes the SQL of the migrations of each engine into a module of the sources. A program that is bundled has no folder of this package
 * to read it from.
 */
export function embedMigrations(root: string): void {
  for (const engine of ['sqlite', 'postgres']) embed(root, engine)
}

function embed(root: string, engine: string): void {
  const folder = join(root, 'migrations', engine)
  const { entries } = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as {
    entries: readonly { readonly tag: string; readonly when: number }[]
  }
  const migrations = entries.map(({ tag, when }) => ({
    when,
    text: readFileSync(join(folder, `${tag}.sql`), 'utf8'),
  }))
  writeFileSync(
    join(root, 'src', engine, 'migrating/embedded-migrations.json'),
    JSON.stringify(migrations, null, 2),
  )
}
