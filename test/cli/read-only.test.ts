import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import Database from 'better-sqlite3'
import { cli } from '../support/cli.ts'
import { copyFixture, needsFixtures, readExpected } from '../support/fixtures.ts'
import { temporaryFolder } from '../support/temporary.ts'

const NAME = 'uniqc-0.0.7-schema1'

/** The commands that only read; ID stands for an id, OUT for a file to write. */
const READS = [
  'list',
  'list --json',
  'show ID',
  'shards ID',
  'stats',
  'check',
  'path',
  'export OUT',
  'clear --dry-run',
  'prune --older-than 1d --dry-run',
  'migrate --dry-run',
]

test(
  'commands that only read need no lock of an old file, and leave it as it was',
  needsFixtures,
  async (t) => {
    const file = copyFixture(t, NAME)
    const folder = dirname(file)
    const names = readdirSync(folder)
    const other = join(temporaryFolder(t), 'out.jsonl')
    const id = readExpected(NAME).tasks[0]?.task_id ?? ''
    const writer = new Database(file)
    writer.pragma('journal_mode = WAL')
    const before = readFileSync(file)
    writer.exec('BEGIN IMMEDIATE')
    for (const line of READS) {
      const words = line.split(' ').map((word) => ({ ID: id, OUT: other })[word] ?? word)
      const { code, errors } = await cli([...words, '--file', file])
      // 4 says that check has findings.
      assert.equal(code, line === 'check' ? 4 : 0, `${line}: ${errors}`)
    }
    writer.exec('ROLLBACK')
    assert.ok(readFileSync(file).equals(before), 'a command wrote')
    writer.close()
    assert.deepEqual(readdirSync(folder), names)
  },
)

test('a command that reads creates no file, and names the one that is missing', async (t) => {
  const file = join(temporaryFolder(t), 'sub', 'tasks.sqlite')
  mkdirSync(dirname(file))
  for (const line of READS.filter((line) => line !== 'path')) {
    const words = line
      .replace('ID', 'abcd')
      .replace('OUT', join(dirname(file), 'out'))
      .split(' ')
    const { code, errors } = await cli([...words, '--file', file])
    assert.equal(code, 1, line)
    assert.ok(errors.includes(file), `${line}: ${errors}`)
  }
  assert.deepEqual(readdirSync(dirname(file)), [])
})
