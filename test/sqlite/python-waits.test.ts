import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test from 'node:test'
import { TaskStore } from 'uniqc-task-store'
import { firstOutput, kill, needsPython, runPython, spawnModule } from '../support/processes.ts'
import { temporaryFile } from '../support/temporary.ts'

/** Saves as a small program does: a connection a call, with Python's own timeout, and nothing that tries again. */
const PYTHON = `
import sqlite3, sys
for n in range(int(sys.argv[2])):
    c = sqlite3.connect(sys.argv[1], timeout=5)
    c.execute("INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time, metadata_json)"
              " VALUES (?, 'originq', 'success', 10, '2026', '2026', '{}')", (f"python-{n}",))
    c.commit()
    c.close()
`
const CALLS = 6

/** Runs {@link PYTHON} where it sees no process of ours, nor we it. */
const ELSEWHERE = `
import os, sys
os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--pid", "--fork", "python3", "-c", sys.argv[3], *sys.argv[1:3]])
`

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['--user', '--map-root-user', '--pid', '--fork', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const needsNamespace = canUnshare() ? needsPython : { skip: 'this user may not make a process namespace' }

/** What a store does again and again, without a pause of its own. */
const WRITERS: Readonly<Record<string, string>> = {
  'a store that saves': `store.save({ taskId: 't' + (n % 100), backend: 'b', status: 'running', shots: n })`,
  'a store that calls saveMany': `store.saveMany(Array.from({ length: 3000 }, (_, i) => (
    { taskId: 't' + i, backend: 'b', status: 'running', shots: n })))`,
}

for (const [where, program, needs] of [
  ['a plain Python program', PYTHON, needsPython],
  ['one in another process namespace', ELSEWHERE, needsNamespace],
] as const) {
  for (const [what, call] of Object.entries(WRITERS)) {
    test(`no call of ${where} fails beside ${what} without a pause`, needs, async (t) => {
      const file = temporaryFile(t)
      using store = new TaskStore({ file })
      const writer = spawnModule(
        `import { TaskStore } from 'uniqc-task-store'
        const store = new TaskStore({ file: process.argv[1] })
        for (let n = 0; ; n++) {
          ${call}
          if (n === 5) console.log('at it')
        }`,
        file,
      )
      t.after(() => kill(writer))
      await firstOutput(writer)
      await runPython(program, file, String(CALLS), PYTHON)
      await kill(writer)
      for (let n = 0; n < CALLS; n++) assert.equal(store.get(`python-${n}`)?.backend, 'originq')
    })
  }
}
