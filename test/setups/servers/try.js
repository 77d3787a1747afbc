// Starts each server of the page, asks it, and ends it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { WorkerTaskStore } from 'uniqc-task-store/worker'

const store = await WorkerTaskStore.open('./cache')
await store.save({ taskId: 'task-1', backend: 'originq:WK_C180', status: 'running' })
await store.close()

async function answer(url, options) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetch(url, options)
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function withServer(program, port, use) {
  const server = spawn(process.execPath, [program], { env: { ...process.env, PORT: port }, stdio: 'inherit' })
  await use(`http://localhost:${port}`)
  const exited = once(server, 'exit')
  server.kill('SIGTERM')
  await exited
}

await withServer('fastify.js', '34571', async (url) => {
  const page = await (await answer(`${url}/tasks?platform=originq`)).json()
  assert.equal(page.items[0].taskId, 'task-1')
  assert.equal((await answer(`${url}/tasks?limt=1`)).status, 400)
  const cancelled = await answer(`${url}/tasks/task-1/cancel`, { method: 'POST' })
  assert.deepEqual(await cancelled.json(), { isCancelled: true })
})
await withServer('hono.js', '34572', async (url) => {
  const page = await (await answer(`${url}/tasks`)).json()
  assert.equal(page.items[0].status, 'cancelled')
  const lines = await (await answer(`${url}/tasks.jsonl`)).text()
  assert.equal(JSON.parse(lines).taskId, 'task-1')
})
