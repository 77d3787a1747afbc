import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { defineConfig } from 'drizzle-kit'

// drizzle-kit reads paths from the folder that it runs in, and breaks on absolute ones.
const here = (path: string) => `./${relative(process.cwd(), join(__dirname, path))}`

// The package holds what is built of the schema, and not its source.
const source = existsSync(join(__dirname, 'drizzle/postgres-schema.ts'))
  ? 'drizzle/postgres-schema.ts'
  : 'dist/drizzle/postgres-schema.js'

// No URL: migrate with a configuration of your own that spreads this one and adds dbCredentials.
export default defineConfig({
  dialect: 'postgresql',
  schema: here(source),
  out: here('migrations/postgres'),
  // Other schemas of the database are not ours to change. The ledger stands beside the tables.
  schemaFilter: ['uniqc'],
  migrations: { schema: 'uniqc' },
  strict: true,
})
