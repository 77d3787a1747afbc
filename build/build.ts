// Builds dist: `npm run build`. With --coverage each file of code has a source map, and Drizzle, whose coverage is not
// ours to measure, is not bundled. What is published has no maps: they would lead to sources that are not published.
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { embedMigrations } from './embed-migrations.ts'
import { embedTables } from './embed-tables.ts'
import { fewFiles } from './few-files.ts'
import { inlineHelpers } from './inline-helpers.ts'
import { loadBuiltins } from './load-builtins.ts'
import { loadLazily } from './load-lazily.ts'
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

const sourcesIn = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)

/** Loaded when it is first needed. */
const LAZY = 'src/sqlite/drizzle-on.ts'

const GROUPS = [
  { sources: ['drizzle/task-status.ts', ...sourcesIn('drizzle/json')], entries: ENTRIES },
  {
    sources: [
      ...['rules', 'formats', 'files'].flatMap((wing) => sourcesIn(`src/${wing}`)),
      // A store in a thread reads its options, and loads no driver.
      'src/sqlite/store-location.ts',
    ],
    entries: ENTRIES.filter((entry) => entry.startsWith('src/')),
  },
  {
    sources: ['src/task-store.ts', ...sourcesIn('src/sqlite').filter((source) => source !== LAZY)],
    entries: ['src/index.ts', 'src/worker/program.ts', 'src/sqlite/adopt-file.ts'],
  },
]

const DRIVERS = ['better-sqlite3', 'pg']

const forCoverage = process.argv.includes('--coverage')

rmSync(DIST, { recursive: true, force: true })
embedMigrations(ROOT)
embedTables(ROOT)

execFileSync(
  process.execPath,
  [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'tsconfig.build.json')],
  { stdio: 'inherit' },
)
pruneDeclarations(
  DIST,
  ENTRIES.map((entry) => entry.replace(/\.ts$/, '.d.ts')),
)

const { metafile } = await build({
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
  plugins: [
    fewFiles(GROUPS),
    usersDrizzle('drizzle/schema.ts', 'drizzle/postgres-schema.ts'),
    loadLazily([LAZY], ['better-sqlite3']),
    loadBuiltins,
  ],
  sourcemap: forCoverage ? 'linked' : false,
  metafile: true,
  logLevel: 'warning',
})
// It moves lines, so a source map would be wrong.
if (!forCoverage) inlineHelpers(ROOT, metafile.outputs)

for (const program of Object.keys(PROGRAMS)) chmodSync(join(DIST, `${program}.js`), 0o755)
