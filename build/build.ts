// Builds dist: `npm run build`. With --coverage each file of code has a source map, and Drizzle, whose coverage is not
// ours to measure, is not bundled. What is published has no maps: they would lead to sources that are not published.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { embedMigrations } from './embed-migrations.ts'
import { loadBuiltins } from './load-builtins.ts'
import { pruneDeclarations } from './prune-declarations.ts'
import { usersDrizzle } from './users-drizzle.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

/** What is imported by its path: by package.json, and by drizzle.config.ts. */
const ENTRIES = [
  'src/index.ts',
  'src/postgres-task-store.ts',
  'src/worker-task-store.ts',
  'src/worker/program.ts',
  'drizzle/schema.ts',
  'drizzle/postgres-schema.ts',
  'src/sqlite/adopt-file.ts',
]

/** The command line, by where it is built. */
const PROGRAMS = { 'cli/main': 'src/cli/main.ts' }

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
  entryPoints: {
    ...Object.fromEntries(ENTRIES.map((entry) => [entry.replace(/\.ts$/, ''), entry])),
    ...PROGRAMS,
  },
  outdir: DIST,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Drizzle is bundled: its many files take longer to load than all the rest.
  // Colours of tables are ours, so that those of cli-table3 are not loaded.
  external: [...DRIVERS, ...(forCoverage ? ['drizzle-orm'] : []), '@colors/colors/safe'],
  plugins: [usersDrizzle('drizzle/schema.ts', 'drizzle/postgres-schema.ts'), loadBuiltins],
  sourcemap: forCoverage ? 'linked' : false,
  logLevel: 'warning',
})

for (const program of Object.keys(PROGRAMS)) chmodSync(join(DIST, `${program}.js`), 0o755)
