import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { cli, cliJson } from '../support/cli.ts'
import { copyFixture, needsFixtures } from '../support/fixtures.ts'
import { temporaryFile } from '../support/temporary.ts'

const RUNNING = { backend: 'b', status: 'running' } as const

test('check ends with 0 and says nothing where nothing is found', async (t) => {
  const file = temporaryFile(t)
  new TaskStore({ file }).close()
  assert.deepEqual(await cli(['check', '--file', file]), { code: 0, output: '', errors: '' })
  assert.deepEqual(await cliJson(['check', '--file', file]), { isSound: true, findings: [] })
})

test('check ends with 4 where something is found, and repair repairs it', async (t) => {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  store.save({ ...RUNNING, taskId: 'a', submitTime: '2026-01-01' })
  store.db.$client.exec('DROP INDEX tasks_status_idx')
  store.close()
  const before = readFileSync(file)
  const { code, output } = await cli(['check', '--file', file])
  assert.equal(code, 4)
  const rows = output.split('\n').map((line) => line.split('\t'))
  assert.deepEqual(
    rows.slice(0, -1).map(([severity, kind, count]) => [severity, kind, count]),
    [
      ['warning', 'missing-index', '1'],
      ['info', 'long-pending', '1'],
    ],
  )
  assert.match(rows[0]?.[4] ?? '', /"uniqc-tasks repair"/)
  assert.ok(readFileSync(file).equals(before), 'check wrote')
  const patient = await cli(['check', '--pending-days', '1000000', '--file', file])
  assert.equal(patient.output.split('\n').length, 2)
  const repaired = await cli(['repair', '--file', file])
  assert.equal(repaired.code, 4)
  assert.match(
    repaired.output,
    /^repaired\tmissing-index\t1\nunrepaired\tlong-pending\t1\t.*\nbackup\t\S+before-repair\S+\n$/,
  )
  assert.equal(((await cliJson(['check', '--file', file])) as { findings: unknown[] }).findings.length, 1)
})

test('a backup is restored, and what was there is kept', async (t) => {
  const file = temporaryFile(t)
  const store = new TaskStore({ file })
  store.save({ ...RUNNING, taskId: 'a' })
  const backup = join(dirname(file), 'backup.sqlite')
  const made = (await cliJson(['backup', backup, '--file', file])) as { file: string; bytes: number }
  assert.equal(made.file, backup)
  assert.equal(made.bytes, readFileSync(backup).length)
  const refused = await cli(['backup', backup, '--file', file])
  assert.equal(refused.code, 1)
  assert.match(refused.errors, /already exists.*\n {2}give --replace/)
  assert.equal(
    (await cli(['backup', backup, '--replace', '--file', file])).output,
    `${backup}\t${made.bytes}\n`,
  )
  store.delete('a')
  store.close()
  const asked = await cli(['restore-backup', backup, '--file', file])
  assert.equal(asked.code, 2)
  assert.match(asked.errors, /give --yes/)
  const report = (await cliJson(['restore-backup', backup, '--yes', '--file', file])) as Record<
    string,
    unknown
  >
  assert.deepEqual(
    { ...report, kept: typeof report.kept },
    { file, tasks: 1, notRestored: [], kept: 'string' },
  )
  using restored = new TaskStore({ file, readonly: true })
  assert.equal(restored.get('a')?.status, 'running')
})

test('migrate says what is missing, and what it has applied', needsFixtures, async (t) => {
  const file = copyFixture(t, 'uniqc-0.0.7-schema1')
  const before = readFileSync(file)
  const dry = await cli(['migrate', '--dry-run', '--file', file])
  assert.equal(dry.code, 0)
  assert.match(dry.output, /^(?:pending\t000\d_\w+\n){5,}$/)
  assert.ok(readFileSync(file).equals(before), 'a dry run wrote')
  const { output } = await cli(['migrate', '--file', file])
  assert.equal(output, dry.output + dry.output.replaceAll('pending', 'applied'))
  assert.deepEqual(await cliJson(['migrate', '--file', file]), { pending: [], applied: [] })
  assert.ok(readdirSync(dirname(file)).some((name) => name.includes('before-v5')))
})

test('a damaged file is an error that says how to go on', needsFixtures, async (t) => {
  const [file, whole] = [temporaryFile(t), copyFixture(t, 'uniqc-0.0.16-schema5')]
  copyFileSync(whole, file)
  const { truncateSync } = await import('node:fs')
  truncateSync(file, 20_000)
  const { code, errors } = await cli(['list', '--file', file])
  assert.equal(code, 1)
  assert.match(errors, /^error: .*tasks\.sqlite.*\n {2}keep a copy of the file/)
})
