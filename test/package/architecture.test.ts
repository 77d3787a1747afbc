import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, resolve } from 'node:path'
import test from 'node:test'

const ROOT = resolve(import.meta.dirname, '../..')

/** The wings of the house, from the top down, and rooms above them: a file may import from its own wing and from those below it. */
const WINGS = [
  'src/cli',
  'src/worker-task-store.ts',
  'src/worker-task-archive.ts',
  'src/worker',
  'src',
  'src/sqlite',
  'src/postgres',
  'src/formats',
  'src/files',
  'src/rules',
  'drizzle',
] as const

/** The engines, which stand side by side: none imports another. */
const ENGINES: readonly string[] = ['src/sqlite', 'src/postgres']

/** Packages that one wing alone may import. The types of a package are as much an import as its code. */
const PACKAGES: Readonly<Record<string, string>> = {
  'better-sqlite3': 'src/sqlite',
  'drizzle-orm/better-sqlite3': 'src/sqlite',
  pg: 'src/postgres',
  'drizzle-orm/pg-core': 'src/postgres',
  'drizzle-orm/node-postgres': 'src/postgres',
  commander: 'src/cli',
  'cli-table3': 'src/cli',
  'cli-progress': 'src/cli',
  'string-width': 'src/cli',
}

/** What an import or a re-export names; not what stands in a comment. */
const IMPORT = /^(?! *\*).*?\bfrom '([^']+)'/gm

interface Import {
  readonly file: string
  readonly target: string
}

function readImports(): Import[] {
  const files = ['src', 'drizzle'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => posix.join(folder, name.replaceAll('\\', '/'))),
  )
  return files.flatMap((file) => importsOf(file, readFileSync(join(ROOT, file), 'utf8')))
}

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, name = '']) => ({
    file,
    target: name.startsWith('.') ? posix.join(posix.dirname(file), name) : name,
  }))
}

/** The innermost wing that a path lies in; undefined for a package. */
function wingOf(path: string): (typeof WINGS)[number] | undefined {
  return WINGS.filter((wing) => path === wing || path.startsWith(`${wing}/`)).toSorted(
    (a, b) => b.length - a.length,
  )[0]
}

/** Why an import must not be; undefined where it may. */
function problemOf({ file, target }: Import): string | undefined {
  const from = wingOf(file) ?? 'src'
  const to = wingOf(target)
  if (to !== undefined) {
    if (from !== to && ENGINES.includes(from) && ENGINES.includes(to)) {
      return `${file} imports ${target}, of another engine`
    }
    return WINGS.indexOf(to) < WINGS.indexOf(from)
      ? `${file} imports ${target}, which is above it`
      : undefined
  }
  const owner = PACKAGES[target]
  const isSchema = from === 'drizzle' && target.startsWith('drizzle-orm')
  if (owner !== undefined && from !== owner && !isSchema)
    return `${file} imports ${target}, which only ${owner} may`
  const isDrizzle = from === 'drizzle' && !target.startsWith('drizzle-orm')
  return isDrizzle ? `${file} imports ${target}; drizzle/ imports drizzle-orm alone` : undefined
}

test('imports point one way: the command line, the thread, front rooms, an engine, formats, files, rules, drizzle', () => {
  const imports = readImports()
  assert.ok(imports.length > 200, `only ${imports.length} imports were found`)
  assert.deepEqual(
    imports.flatMap((found) => problemOf(found) ?? []),
    [],
  )
})

test('an import that points up, or a driver outside its wing, is found', () => {
  const wrong = {
    'src/rules/planted.ts': "import { TaskStore } from '../task-store.ts'",
    'drizzle/planted.ts': "export type { Database } from 'better-sqlite3'",
    'src/formats/planted.ts': "import {\n  type Place,\n} from '../sqlite/tables/place.ts'",
    'src/sqlite/planted.ts': "import { Conditions } from '../postgres/tables/filter-sql.ts'",
    'src/postgres/planted.ts': "import { walk } from '../sqlite/tables/walk.ts'",
    'src/other.ts': "import pg from 'pg'",
    'src/index.ts': "import { WorkerTaskStore } from './worker-task-store.ts'",
    'src/task-archive.ts': "import { Methods } from './worker/methods.ts'",
    'src/worker/planted.ts': "import { WorkerTaskStore } from '../worker-task-store.ts'",
    'src/planted.ts': "import Database from 'better-sqlite3'",
    'src/task-store.ts': "import { createProgram } from './cli/program.ts'",
    'src/rules/other.ts': "import { Command } from 'commander'",
  }
  for (const [file, text] of Object.entries(wrong)) {
    assert.ok(
      importsOf(file, text).some((found) => problemOf(found) !== undefined),
      file,
    )
  }
})

/** Every file that a front room leads to. */
function reachedFrom(file: string, imports: readonly Import[], reached = new Set<string>()): Set<string> {
  if (reached.has(file)) return reached
  reached.add(file)
  for (const { target } of imports.filter((found) => found.file === file))
    reachedFrom(target, imports, reached)
  return reached
}

test('no entry leads to what only another one needs', () => {
  const imports = readImports()
  const leadsTo = (file: string, wing: string) =>
    [...reachedFrom(file, imports)].filter((found) => found.startsWith(wing))
  assert.deepEqual(leadsTo('src/index.ts', 'src/postgres'), [])
  assert.deepEqual(leadsTo('src/postgres-task-store.ts', 'src/sqlite'), [])
  assert.deepEqual(leadsTo('src/index.ts', 'src/worker'), [])
  assert.deepEqual(leadsTo('src/worker-task-store.ts', 'src/postgres'), [])
  assert.ok(leadsTo('src/index.ts', 'src/sqlite/').length > 20)
  assert.ok(leadsTo('src/worker/program.ts', 'src/sqlite/').length > 20)
  assert.ok(leadsTo('src/postgres-task-store.ts', 'src/postgres/').length > 10)
})

test('the command line uses what is public, and loads a store only when a command needs it', () => {
  const imports = readImports().filter(({ file }) => file.startsWith('src/cli/'))
  assert.ok(imports.length > 100, `only ${imports.length} imports were found`)
  const rooms = imports.filter(({ target }) => wingOf(target) !== 'src/cli' && wingOf(target) !== undefined)
  const names = new Set(rooms.map(({ target }) => target))
  assert.deepEqual([...names].sort(), [
    'src/index.ts',
    'src/postgres-task-store.ts',
    'src/worker-task-store.ts',
  ])
  for (const file of new Set(rooms.map((found) => found.file))) {
    const text = readFileSync(join(ROOT, file), 'utf8')
    assert.doesNotMatch(
      text,
      /^import (?!type )[^']* from '(?:\.\.\/)+(?:index|postgres-task-store|worker-task-store)\.ts'/m,
      file,
    )
  }
})
