import { fastify } from 'fastify'
import { ArgumentError, parseListQuery, TaskStoreError, toJson } from 'uniqc-task-store'
import { WorkerTaskStore } from 'uniqc-task-store/worker'

const store = await WorkerTaskStore.open('./cache')
const server = fastify()
server.addHook('onClose', () => store.close()) // after the requests that are under way

const STATUSES = { INVALID_TASK: 400, CONFLICT: 409, LOCKED: 503, TIMED_OUT: 503, DISCONNECTED: 503 }
server.setErrorHandler((error, _request, reply) => {
  const known = error instanceof TaskStoreError ? STATUSES[error.code] : error instanceof ArgumentError && 400
  reply.code(known || error.statusCode || 500)
  return { message: known ? error.message : 'it failed' } // any other message names files
})

server.get('/tasks', async ({ url }, reply) => {
  const { searchParams } = new URL(url, 'http://localhost')
  return reply.type('application/json').send(toJson(await store.page(parseListQuery(searchParams))))
})
server.post('/tasks/:id/cancel', async ({ params }) => {
  const cancelled = await store.update(
    params.id,
    { status: 'cancelled' },
    { ifStatus: ['pending', 'running'] },
  )
  return { isCancelled: cancelled !== undefined }
})

await server.listen({ port: Number(process.env.PORT ?? 3000) })
