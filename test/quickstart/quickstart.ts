import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TaskPersistence, TaskStore } from 'uniqc-task-store'

// A copy of a file that UnifiedQuantum 0.0.7 wrote. Opening it brings it up to date.
const file = join(mkdtempSync(join(tmpdir(), 'uniqc-quickstart-')), 'tasks.sqlite')
copyFileSync(join(import.meta.dirname, '../files/uniqc-0.0.7-schema1.sqlite'), file)

using store = new TaskStore({ file })

console.log(`${store.count()} tasks that UnifiedQuantum wrote, the newest five:`)
for (const task of store.list({ limit: 5 })) {
  console.log(`  ${task.submitTime}  ${task.backend.padEnd(10)} ${task.status.padEnd(9)} ${task.taskId}`)
}

console.log('\nA task as a flat dict, through TaskPersistence:')
const persistence = new TaskPersistence(store)
persistence.save('quickstart-1', 'originq:WK_C180', 'running', null, { shots: 1000, note: 'a Bell pair' })
persistence.update('quickstart-1', { status: 'success', result: { '00': 512, '11': 488 } })
console.log(persistence.load('quickstart-1'))

console.log('\nA task as a typed record, through TaskStore:')
store.save({ taskId: 'quickstart-2', backend: 'ibm:ibm_fez', status: 'pending', shots: 4096 })
store.update('quickstart-2', { status: 'running', metadata: { queue: 3 } }, { ifStatus: 'pending' })
console.log(store.get('quickstart-2'))

console.log('\nTasks by status:', store.countByStatus())
console.log(`The file: ${store.file}`)

// What npx uniqc-task-store runs.
const program = join(import.meta.dirname, '../../dist/cli/main.js')
for (const command of ['list --limit 5', 'show quickstart-1']) {
  console.log(`\nnpx uniqc-task-store ${command} --file ${file}`)
  execFileSync(process.execPath, [program, ...command.split(' '), '--file', file], { stdio: 'inherit' })
}
