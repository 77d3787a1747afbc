import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'node:test'
import { cli } from '../support/cli.ts'
import { temporaryFile } from '../support/temporary.ts'

/** Wrong uses, and what is said about each. */
const MISUSES: readonly (readonly [args: string, errors: RegExp])[] = [
  ['lst', /unknown command 'lst'\n\(Did you mean list\?\)/],
  ['list --stats x', /unknown option '--stats'\n\(Did you mean --status\?\)/],
  ['list x', /too many arguments/],
  ['list --limit -1', /argument '-1' is invalid.*whole number/],
  ['list --since yesterday', /must be a date/],
  ['list --until 2026-02-31', /must be a date/],
  ['list --archived both', /Allowed choices are only, too/],
  ['list --format xml', /Allowed choices are table, plain, csv, json/],
  ['list --json --format csv', /ask for two forms/],
  ['list --all --limit 5', /say how many/],
  ['list --file a --cache-dir b', /--file and --cache-dir name two stores/],
  ['list --schema x', /--schema is of a PostgreSQL store/],
  ['list --url mysql://u@h/d', /must be postgres:/],
  ['list --file postgres://u:hunter2@h/d', /--file takes a path/],
  ['show', /missing required argument 'id'/],
  ['shards', /missing required argument 'id'/],
  ['stats x', /too many arguments/],
  ['path --jsn', /unknown option '--jsn'\n\(Did you mean --json\?\)/],
  ['watch --interval 5', /number and a unit/],
  ['archive', /missing required argument 'id'/],
  ['archive x --on-conflict newest', /Allowed choices are live, archived/],
  ['restore', /missing required argument 'id'/],
  ['delete', /missing required argument 'id'/],
  ['clear --older-than 5d', /unknown option/],
  ['prune', /required option '--older-than <period>'/],
  ['prune --older-than 90d --by age', /Allowed choices are submit, update/],
  ['prune --older-than 90d --archived --time-zone UTC', /for live tasks/],
  ['import', /missing required argument 'path'/],
  ['export', /missing required argument 'file'/],
  ['export x --archived', /argument missing/],
  ['merge', /missing required argument 'file'/],
  ['copy', /required option '--to <store>'/],
  ['check --pending-days x', /number from 0/],
  ['repair x', /too many arguments/],
  ['repair --url postgres://u:hunter2@h/d', /repair is for files/],
  ['backup', /missing required argument 'file'/],
  ['backup x --url postgres://u:hunter2@h/d', /backup is for files/],
  ['restore-backup', /missing required argument 'backup'/],
  ['restore-backup x --url postgres://u:hunter2@h/d', /restore-backup is for files/],
  ['migrate x', /too many arguments/],
  ['postgres://u:hunter2@h/d', /unknown command/],
  ['list postgres://u:hunter2@h/d', /too many arguments/],
]

test('wrong use ends with 2, one line and perhaps the next step, and creates nothing', async (t) => {
  const file = temporaryFile(t)
  const env = { UNIQC_CACHE_DIR: dirname(file) }
  for (let i = 0; i < MISUSES.length; i += 6) {
    await Promise.all(
      MISUSES.slice(i, i + 6).map(async ([args, message]) => {
        const { code, output, errors } = await cli(args.split(' '), env)
        assert.deepEqual([code, output], [2, ''], `${args}: ${errors}`)
        assert.match(errors, message, args)
        assert.match(errors, /^error: .*\n(?:.*\n)?$/, args)
        assert.doesNotMatch(errors, /hunter2/, args)
      }),
    )
  }
  assert.deepEqual(readdirSync(dirname(file)), [])
})

test('without a command the help is shown, and nothing was done', async () => {
  const { code, output, errors } = await cli([])
  assert.deepEqual([code, output], [2, ''])
  assert.match(errors, /^Usage: uniqc-tasks/)
})

test('no error shows the password of a URL, with --verbose neither', async () => {
  const secret = 'hunter2%21'
  for (const url of [
    `postgres://u:${secret}@localhost:1/d`,
    `postgresql://u@localhost:1/d?password=${secret}`,
  ]) {
    for (const [args, env] of [
      [['list', '--url', url, '--verbose'], {}],
      [['stats', '-v'], { UNIQC_TASKS_URL: url }],
      [['copy', '--to', url, '--verbose'], { UNIQC_TASKS_URL: 'postgres://nobody@localhost:1/d' }],
    ] as const) {
      const { code, output, errors } = await cli(args, env)
      assert.equal(code, 1, errors)
      assert.match(errors, /cannot be reached/)
      assert.match(errors, /caused by/)
      assert.doesNotMatch(output + errors, /hunter2/)
    }
  }
})
