import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test from 'node:test'

/** Asks for pages of 2,424 shapes, and prints by how much the memory of the process has grown, in megabytes. */
const SOURCE = `
  import { TaskStore } from 'uniqc-task-store'
  const store = new TaskStore({ file: ':memory:' })
  const statuses = Array.from({ length: 100 }, (_, i) => 's' + i)
  store.saveMany(
    Array.from({ length: 400 }, (_, i) => ({ taskId: 't' + i, backend: 'b', status: 'running', submitTime: '2026-01-01' })),
  )
  const { next } = store.page({ limit: 5 })
  const ranges = [{}, { submittedAfter: '2025-01-01' }, { submittedBefore: '2027-01-01' }, { submittedAfter: '2025-01-01', submittedBefore: '2027-01-01' }]
  const shapes = Array.from({ length: 101 }, (_, n) =>
    ranges.flatMap((range) =>
      [false, true, 'both'].flatMap((archived) =>
        [undefined, next].map((after) => ({
          ...range, archived, after, limit: 2, status: n === 0 ? undefined : statuses.slice(0, n),
        })),
      ),
    ),
  ).flat()
  for (let i = 0; i < 1000; i++) store.page(shapes[i % 24])
  gc()
  const before = process.memoryUsage.rss()
  for (const shape of shapes) store.page(shape)
  gc()
  console.log(JSON.stringify([shapes.length, (process.memoryUsage.rss() - before) / 1e6]))
`

test('2,424 shapes of filters take less than 30 MB', { skip: process.platform !== 'linux' }, () => {
  // A young generation of a fixed size, so that the memory is that of the statements.
  const flags = ['--expose-gc', '--max-semi-space-size=1', '--input-type=module', '--eval']
  const output = execFileSync(process.execPath, [...flags, SOURCE], { encoding: 'utf8' })
  const [shapes, megabytes] = JSON.parse(output)
  assert.equal(shapes, 2424)
  assert.ok(megabytes < 30, `${megabytes} MB`)
})
