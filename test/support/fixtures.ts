import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryFolder } from './temporary.ts'

const FIXTURES = resolve(import.meta.dirname, '../../../shared/fixtures')

/** Handed to a test that needs the files of UnifiedQuantum: a reason to skip it, where they are not there. */
export const needsFixtures = existsSync(FIXTURES)
  ? {}
  : { skip: `the files written by UnifiedQuantum are not here (${FIXTURES})` }

/** Every SQLite fixture by name, without the ending. */
export const FIXTURE_NAMES: readonly string[] = existsSync(FIXTURES)
  ? readdirSync(FIXTURES)
      .filter((name) => name.endsWith('.sqlite'))
      .map((name) => name.slice(0, -'.sqlite'.length))
  : []

/** Whether a fixture is of the newest generation, whose ids a store keeps. */
export const isNewest = (name: string) => /schema5|upgraded/.test(name)

/** The path of something among the fixtures that is not a SQLite file, so that reading it does not change it. */
export function fixturePath(...names: readonly string[]): string {
  return join(FIXTURES, ...names)
}

/** A copy of a fixture, with its log if it has one. Opening it changes it. */
export function copyFixture(t: TestContext, name: string): string {
  const copy = join(temporaryFolder(t), 'tasks.sqlite')
  const source = name === 'hot-wal' ? join('hot-wal', 'tasks') : name
  for (const ending of ['', '-wal']) {
    const from = join(FIXTURES, `${source}.sqlite${ending}`)
    if (!existsSync(from)) continue
    copyFileSync(from, copy + ending)
    chmodSync(copy + ending, 0o644)
  }
  return copy
}

/** What UnifiedQuantum itself answered about a fixture. */
export interface Expected {
  readonly count: number
  readonly list_all: readonly ExpectedRecord[]
  readonly pending: readonly ExpectedRecord[]
  readonly counts_by_status: Readonly<Record<string, number>>
  readonly tasks: readonly ExpectedTask[]
  readonly shards?: Readonly<Record<string, readonly Record<string, unknown>[]>>
  readonly archived?: readonly ExpectedTask[]
}
type ExpectedRecord = { readonly task_id: string } & Readonly<Record<string, unknown>>
type ExpectedTask = {
  readonly task_id: string
  readonly metadata: Readonly<Record<string, unknown>>
} & Readonly<Record<string, unknown>>

export function readExpected(name: string): Expected {
  const file = name === 'hot-wal' ? join('hot-wal', 'expected.json') : `${name}.expected.json`
  return restoreNumbers(JSON.parse(readFileSync(join(FIXTURES, file), 'utf8'))) as Expected
}

/** The last good line of each id of the JSON Lines generation. */
export function readLatestById(): Readonly<Record<string, ExpectedRecord>> {
  const file = fixturePath('uniq-0.0.3-jsonl', 'expected.json')
  const { latest_by_id } = restoreNumbers(JSON.parse(readFileSync(file, 'utf8'))) as {
    latest_by_id: Record<string, ExpectedRecord>
  }
  return latest_by_id
}

/** The expected files carry numbers beyond JSON as `{"$float": "NaN"}` and `{"$int": "123"}`. */
function restoreNumbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(restoreNumbers)
  if (typeof value !== 'object' || value === null) return value
  if ('$float' in value) return Number(value.$float)
  if ('$int' in value) return BigInt(value.$int as string)
  return Object.fromEntries(Object.entries(value).map(([key, content]) => [key, restoreNumbers(content)]))
}
