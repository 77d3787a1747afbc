// Builds dist: `npm run build`. With --coverage each file of code has a source map, and Drizzle, whose coverage is not
// ours to measure, is not bundled. What is published has no maps: they would lead to sources that are not published.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { embedMigrations } from './embed-migrations.ts'
import { pruneDeclarations } from './prune-declarations.ts'
import { usersDrizzle } from './users-drizzle.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

/** What is imported by its path: by package.json, and by drizzle.config.ts. */
const ENTRIES = [
  'src/index.ts',
  'src/postgres-task-store.ts',
  'drizzle/schema.ts',
  'drizzle/postgres-schema.ts',
  'src/sqlite/adopt-file.ts',
]

const DRIVERS = ['better-sqlite3', 'pg']

const forCoverage = process.argv.includes('--coverage')

rmSync(DIST, { recursive: true, force: true })
embedMigrations(ROOT)

execFileSync(
  process.execPath,
  [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'tsconfig.build.json')],
  { stdio: 'inherit' },
)
pruneDeclarations(
  DIST,
  ENTRIES.map((entry) => entry.replace(/\.ts$/, '.d.ts')),
)

await build({
  absWorkingDir: ROOT,
  entryPoints: ENTRIES,
  outdir: DIST,
  outbase: ROOT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Drizzle is bundled: its many files take longer to load than all the rest.
  external: forCoverage ? [...DRIVERS, 'drizzle-orm'] : DRIVERS,
  plugins: [usersDrizzle('drizzle/schema.ts', 'drizzle/postgres-schema.ts')],
  sourcemap: forCoverage ? 'linked' : false,
  logLevel: 'warning',
})
