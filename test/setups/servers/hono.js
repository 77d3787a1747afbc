import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { parseListQuery, toJson } from 'uniqc-task-store'
import { WorkerTaskStore } from 'uniqc-task-store/worker'

const store = await WorkerTaskStore.open('./cache')
const app = new Hono()

app.get('/tasks', async (c) => {
  const page = await store.page(parseListQuery(new URL(c.req.url).searchParams))
  return c.body(toJson(page), 200, { 'content-type': 'application/json' })
})
// Any number of tasks: a part is read when the one before has been sent.
app.get('/tasks.jsonl', (c) =>
  stream(c, async (response) => {
    for await (const task of store.iterate()) await response.writeln(toJson(task))
  }),
)

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) })
process.once('SIGTERM', () => server.close(() => store.close()))
