import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import {
  ArgumentError,
  fromJson,
  generateTaskId,
  type ListedTask,
  type NewTaskInfo,
  type Page,
  parseListQuery,
  TaskStore,
  TaskStoreError,
  type TaskStoreErrorCode,
  toJson,
} from 'uniqc-task-store'
import { insertShard } from '../support/insert-shard.ts'
import { temporaryFile } from '../support/temporary.ts'

/** What a server answers to the errors that its client can do something about. Every other one is a 500. */
const STATUSES: { readonly [Code in TaskStoreErrorCode]?: number } = {
  INVALID_TASK: 400,
  AMBIGUOUS_ID: 400,
  CONFLICT: 409,
  LOCKED: 503,
}

function statusOf(error: unknown): number {
  if (error instanceof ArgumentError) return 400
  // A body that is not JSON, a path that cannot be decoded.
  if (error instanceof SyntaxError || error instanceof URIError) return 400
  return (error instanceof TaskStoreError && STATUSES[error.code]) || 500
}

async function answer(store: TaskStore, request: IncomingMessage): Promise<[status: number, body: unknown]> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const [, collection, id, action] = pathname.split('/').map(decodeURIComponent)
  const route = `${request.method} ${collection}${id === undefined ? '' : '/:id'}${action ? `/${action}` : ''}`
  switch (route) {
    case 'GET tasks':
      return [200, store.page(parseListQuery(searchParams))]
    case 'POST tasks':
      return [201, store.save(fromJson<NewTaskInfo>(await text(request)))]
    case 'GET tasks/:id': {
      const task = store.get(id ?? '')
      return task === undefined ? [404, { message: 'there is no such task' }] : [200, task]
    }
    case 'POST tasks/:id/archive':
      return [200, store.archive.archive(id ?? '')]
    default:
      return [404, { message: 'there is nothing here' }]
  }
}

/** Serves a store on a port of this machine. Returns a client. */
async function serve(t: TestContext, store: TaskStore) {
  const server = createServer(async (request, response) => {
    const [status, body] = await answer(store, request).catch((error: Error): [number, unknown] => {
      const status = statusOf(error)
      return [status, { message: status === 500 ? 'something failed here' : error.message }]
    })
    const retry = status === 503 ? { 'retry-after': '1' } : {}
    response.writeHead(status, { 'content-type': 'application/json', ...retry }).end(toJson(body))
  })
  server.listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return async (path: string, body?: string) => {
    const post = body === undefined ? {} : { method: 'POST', body }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, post)
    const answered = await response.text()
    // Whoever reads it: it is JSON.
    JSON.parse(answered)
    return { status: response.status, retryAfter: response.headers.get('retry-after'), text: answered }
  }
}

const TASK = { taskId: 'a', backend: 'b', status: 'running' } as const

test('a server answers 400 to what its client asked wrongly, and says what', async (t) => {
  using store = new TaskStore({ file: ':memory:' })
  const ask = await serve(t, store)
  for (const id of [generateTaskId(), generateTaskId()]) {
    store.save({ ...TASK, taskId: id, metadata: { legacy_platform_id: 'old' } })
    insertShard(store, id, 'old')
  }
  const wrong: readonly (readonly [path: string, body: string | undefined, message: RegExp])[] = [
    ['/tasks?limit=5000', undefined, /^limit must be a whole number from 1 to 1000/],
    ['/tasks?limt=5', undefined, /^the query has no "limt"/],
    ['/tasks?after=torn', undefined, /^after is not a cursor/],
    ['/tasks?submittedAfter=2026-05-03T01:02:03+08:00', undefined, /%2B/],
    ['/tasks', '{"taskId":"a"', /JSON/],
    [
      '/tasks',
      '{"taskId":"a","backend":"b","status":"running","result":{"$int":""}}',
      /^value\.result: "\$int"/,
    ],
    ['/tasks', toJson({ ...TASK, status: 'done' }), /^task "a": status must be one of/],
    ['/tasks', toJson({ ...TASK, shots: -1 }), /^task "a": shots must be a whole number/],
    ['/tasks/old', undefined, /old/],
    ['/tasks/%', undefined, /URI/],
  ]
  for (const [path, body, message] of wrong) {
    const { status, text } = await ask(path, body)
    assert.equal(status, 400, text)
    assert.match(fromJson<{ message: string }>(text).message, message)
  }
  assert.equal(store.count(), 2)
})

test('a server answers 404 for a task that is not there', async (t) => {
  using store = new TaskStore({ file: ':memory:' })
  const ask = await serve(t, store)
  assert.equal((await ask('/tasks/a')).status, 404)
  assert.equal((await ask('/nothing')).status, 404)
})

test('a server answers 409 for a task that is live and archived', async (t) => {
  using store = new TaskStore({ file: ':memory:' })
  const ask = await serve(t, store)
  const task = toJson(TASK)
  assert.equal((await ask('/tasks', task)).status, 201)
  assert.equal((await ask('/tasks/a/archive', '')).status, 200)
  assert.equal((await ask('/tasks', task)).status, 201)
  const { status, text } = await ask('/tasks/a/archive', '')
  assert.equal(status, 409)
  assert.match(text, /onConflict/)
})

test('a server answers 503 while another process holds the lock, goes on listing, and takes the task after it', async (t) => {
  const file = temporaryFile(t)
  using store = new TaskStore({ file, timeout: 0 })
  const ask = await serve(t, store)
  const other = new Database(file)
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  const { status, retryAfter } = await ask('/tasks', toJson(TASK))
  assert.deepEqual([status, retryAfter], [503, '1'])
  assert.equal((await ask('/tasks')).status, 200)
  other.exec('ROLLBACK')
  assert.equal((await ask('/tasks', toJson(TASK))).status, 201)
})

test('a server answers 500 to what its client can do nothing about, and tells it nothing', async (t) => {
  const store = new TaskStore({ file: ':memory:' })
  const ask = await serve(t, store)
  store.close()
  const { status, text } = await ask('/tasks')
  assert.deepEqual([status, text], [500, '{"message":"something failed here"}'])
})

test('what a client saves it lists, page by page, value for value', async (t) => {
  using store = new TaskStore({ file: ':memory:' })
  const ask = await serve(t, store)
  const results = [
    { '00': 512 },
    { counts: { '11': 2n ** 70n } },
    [Number.NaN, -0, null],
    { $int: '5' },
    null,
  ]
  for (const [index, result] of results.entries()) {
    const task = { ...TASK, taskId: `task-${index}`, backend: 'originq:WK_C180', result }
    const { status, text } = await ask('/tasks', toJson(task))
    assert.equal(status, 201)
    assert.deepStrictEqual(fromJson(text), store.get(`task-${index}`))
  }
  store.save({ ...TASK, taskId: 'other' })

  const listed: ListedTask[] = []
  const query = new URLSearchParams({ platform: 'originq', limit: '2' })
  for (let isLast = false; !isLast; ) {
    const { items, next } = fromJson<Page<ListedTask>>((await ask(`/tasks?${query}`)).text)
    listed.push(...items)
    query.set('after', next ?? '')
    isLast = next === undefined
  }
  assert.deepStrictEqual(listed, store.list({ platform: 'originq' }))
  assert.deepStrictEqual(
    listed.map(({ result }) => result),
    results.toReversed(),
  )
})
