const { makeTask } = await import('./bench/peer.ts')

import fs from 'node:fs'
import { TaskStore } from 'uniqc-task-store'

fs.rmSync('/tmp/bw3', { recursive: true, force: true })
fs.mkdirSync('/tmp/bw3')
const s = new TaskStore({ file: '/tmp/bw3/a.sqlite', synchronous: 'NORMAL' })
function* tasks(n) {
  for (let i = 0; i < n; i++) yield makeTask(i, 8)
}
const t = process.cpuUsage()
s.saveMany(tasks(60000))
const d = process.cpuUsage(t)
console.log((d.user + d.system) / 60000)
