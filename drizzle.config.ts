import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { defineConfig } from 'drizzle-kit'
import { adoptFile, locateFile } from './dist/src/sqlite/adopt-file.js'

// drizzle-kit reads paths from the folder that it runs in, and breaks on absolute ones.
const here = (path: string) => `./${relative(process.cwd(), join(__dirname, path))}`

// The package holds what is built of the schema, and not its source.
const source = existsSync(join(__dirname, 'drizzle/schema.ts'))
  ? 'drizzle/schema.ts'
  : 'dist/drizzle/schema.js'

// $UNIQC_TASKS_FILE, else the file that a store opens.
const file = locateFile({ file: process.env.UNIQC_TASKS_FILE || undefined })

// A file that UnifiedQuantum made has tables and no ledger: drizzle-kit would begin at the first migration
// and fail.
if (process.argv.includes('migrate')) adoptFile(file)

export default defineConfig({
  dialect: 'sqlite',
  schema: here(source),
  out: here('migrations/sqlite'),
  dbCredentials: { url: file },
  // As in src/sqlite/migrating/inspect-file.ts.
  migrations: { table: '__uniqc_task_store_migrations' },
  // Other tables of the file are not ours to drop.
  tablesFilter: ['tasks', 'archived_tasks', 'task_shards', 'archived_task_shards', 'uniqc_merged_files'],
  strict: true,
})
