import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import Database from 'better-sqlite3'
import { type NewTaskInfo, TaskStore, type TaskStoreError } from 'uniqc-task-store'
import { temporaryFolder } from '../support/temporary.ts'

const OLD_FILE = resolve(import.meta.dirname, '../files/uniqc-0.0.7-schema1.sqlite')
const PAGE = 4096
/** In pages. */
const ENOUGH = 1500

/** Where there is room for so many pages and no more. */
interface Disk {
  readonly name: string
  readonly skip?: string | undefined
  /** A folder on it. */
  readonly folder: (t: TestContext) => string
  /** Opens a file, for a call to come. */
  readonly open: (file: string, pages: () => number) => TaskStore
  /** Leaves so much room, and returns what takes the limit away. */
  readonly limit: (folder: string, pages: number) => () => void
}

const openFile = (file: string) => new TaskStore({ file })

const PAGE_LIMIT: Disk = {
  name: 'a file at its maximum of pages',
  folder: temporaryFolder,
  open: (file, pages) => {
    const database = new Database(file)
    database.pragma('journal_mode = WAL')
    const limit = pages()
    const most =
      limit === Infinity ? 2 ** 31 : (database.pragma('page_count', { simple: true }) as number) + limit
    database.pragma(`max_page_count = ${most}`)
    try {
      return new TaskStore({ database })
    } catch (error) {
      database.close()
      throw error
    }
  },
  limit: () => () => undefined,
}

function prlimit(...args: readonly string[]): string {
  return execFileSync('prlimit', ['--pid', String(process.pid), ...args], { encoding: 'utf8', stdio: 'pipe' })
}

const SIZE_LIMIT: Disk = {
  name: 'a limit on the size of files',
  skip: reasonNot(() => prlimit('--fsize'), 'there is no prlimit here'),
  folder: temporaryFolder,
  open: openFile,
  limit: (_folder, pages) => {
    // Unheard, it ends the process.
    const hear = () => undefined
    process.on('SIGXFSZ', hear)
    const usual = prlimit('--fsize', '--output', 'SOFT', '--noheadings').trim()
    prlimit(`--fsize=${pages * PAGE}:`)
    return () => {
      prlimit(`--fsize=${usual}:`)
      process.off('SIGXFSZ', hear)
    }
  },
}

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], { stdio: 'pipe' })
}

const unmount = (folder: string) => execFileSync('umount', ['-l', folder])

function reasonNot(attempt: () => void, reason: string): string | undefined {
  try {
    attempt()
    return undefined
  } catch {
    return reason
  }
}

function needsMount(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'only root of Linux may mount a small disk'
  const folder = mkdtempSync(join(tmpdir(), 'uniqc-task-store-'))
  try {
    return reasonNot(() => {
      mount(folder)
      unmount(folder)
    }, 'no tmpfs may be mounted here')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const SMALL_DISK: Disk = {
  name: 'a full disk',
  skip: needsMount(),
  folder: (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'uniqc-task-store-'))
    mount(folder)
    t.after(() => {
      unmount(folder)
      rmSync(folder, { recursive: true })
    })
    return folder
  },
  open: openFile,
  limit: (folder, pages) => {
    const filler = join(folder, 'filler')
    const { bavail, bsize } = statfsSync(folder)
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - pages * PAGE)))
    return () => rmSync(filler)
  },
}

const TABLES = [
  ['tasks', 'task_shards'],
  ['archived_tasks', 'archived_task_shards'],
] as const

/** Each task with its place and shards as a text. What differs in every run, ids and the time now, is left out. */
function readTasks(file: string): string[] {
  const database = new Database(file)
  assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
  assert.deepEqual(database.pragma('foreign_key_check'), [])
  const rows = (table: string) => {
    const exists = database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(table) !== undefined
    const all = exists ? database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all() : []
    return all as Readonly<Record<string, unknown>>[]
  }
  const found = TABLES.flatMap(([tasks, shards]) => {
    const own = new Map<unknown, unknown[]>()
    for (const shard of rows(shards))
      own.set(shard.uniqc_task_id, [...(own.get(shard.uniqc_task_id) ?? []), shard])
    return rows(tasks).map((task) => JSON.stringify([tasks, task, own.get(task.task_id) ?? []]))
  })
  const shards = TABLES.reduce((sum, [, table]) => sum + rows(table).length, 0)
  found.push(`${shards} shards in all, version ${database.pragma('user_version', { simple: true })}`)
  database.close()
  return found.map((text) => text.replace(/uqt_[0-9a-f]{32}|"archived_at":"[^"]*"/g, '')).sort()
}

function newTasks(name: string, count: number, size: number): NewTaskInfo[] {
  return Array.from({ length: count }, (_, i) => ({
    taskId: `${name}-${i}`,
    backend: 'originq:WK_C180',
    status: 'success',
    shots: i,
    submitTime: `2026-01-01T00:00:00.${String(i).padStart(6, '0')}+00:00`,
    updateTime: '2026-01-02T00:00:00.000000+00:00',
    result: { counts: 'x'.repeat(size) },
  }))
}

/** A store with tasks that have shards, some of them archived. */
function fill(file: string, tasks: readonly NewTaskInfo[]): void {
  using store = new TaskStore({ file })
  store.transaction(() => {
    store.saveMany(tasks, { keepUpdateTime: true })
    for (const [i, { taskId }] of tasks.entries()) {
      const times = { submitTime: '2026-01-01', updateTime: '2026-01-02' }
      const shard = { uniqcTaskId: taskId, platformTaskId: `job-${taskId}`, shardIndex: 0, ...times }
      store.saveShard({ ...shard, status: 'success', result: [i] }, { keepUpdateTime: true })
      if (i % 5 === 4) store.archive.archive(taskId)
    }
  })
}

interface Call {
  readonly name: string
  /** Makes `tasks.sqlite` and what the call reads. */
  readonly prepare: (folder: string) => void
  readonly call: (store: TaskStore, folder: string) => unknown
  /** It goes in batches: what is done is whole, and stays. */
  readonly isInBatches?: boolean
  /** Whether what it did can stand where it fails after that. */
  readonly mayBeDone?: boolean
  /** By how many pages the room grows from one try to the next. */
  readonly step: number
}

const fillSmall = (folder: string) => fill(join(folder, 'tasks.sqlite'), newTasks('task', 10, 500))
const NEW_ONES = newTasks('new', 130, 100)

const CALLS: readonly Call[] = [
  {
    name: 'save',
    prepare: fillSmall,
    call: (store) => store.save(newTasks('new', 1, 50_000)[0] as NewTaskInfo, { keepUpdateTime: true }),
    step: 1,
  },
  {
    name: 'saveMany',
    prepare: fillSmall,
    call: (store) => store.saveMany(newTasks('new', 12, 5000), { keepUpdateTime: true }),
    step: 2,
  },
  {
    name: 'archive.archive',
    prepare: (folder) => fill(join(folder, 'tasks.sqlite'), newTasks('task', 4, 50_000)),
    call: (store) => assert.equal(store.archive.archive('task-0'), true),
    step: 3,
  },
  {
    name: 'archive.archiveOlderThan',
    prepare: (folder) => fill(join(folder, 'tasks.sqlite'), newTasks('task', 260, 50)),
    call: (store) => store.archive.archiveOlderThan({ hours: 1 }),
    isInBatches: true,
    step: 13,
  },
  {
    name: 'importFile',
    prepare: (folder) => {
      fillSmall(folder)
      fill(join(folder, 'other.sqlite'), NEW_ONES)
      using other = new TaskStore({ file: join(folder, 'other.sqlite') })
      other.exportFile(join(folder, 'tasks.jsonl'))
    },
    call: (store, folder) => store.importFile(join(folder, 'tasks.jsonl')),
    isInBatches: true,
    step: 7,
  },
  {
    name: 'mergeFile',
    prepare: (folder) => {
      fillSmall(folder)
      fill(join(folder, 'other.sqlite'), NEW_ONES)
    },
    call: (store, folder) => store.mergeFile(join(folder, 'other.sqlite')),
    isInBatches: true,
    step: 7,
  },
]

/** What a full disk must not leave behind. */
const leftOver = (folder: string) =>
  readdirSync(folder).filter((entry) => /unfinished|before-v5|exported/.test(entry))

/**
 * Gives a call ever more room until it is enough, each time on a fresh copy of the file. `work` opens what it needs;
 * what it returns is called again when there is room.
 */
function growUntilEnough(
  t: TestContext,
  disk: Disk,
  {
    prepare,
    step,
    isInBatches = false,
    mayBeDone = false,
  }: Pick<Call, 'prepare' | 'step' | 'isInBatches' | 'mayBeDone'>,
  work: (folder: string, limited: <T>(call: () => T) => T, pages: () => number) => () => unknown,
  check: (folder: string) => void = () => undefined,
): void {
  const folder = disk.folder(t)
  const source = temporaryFolder(t)
  prepare(source)
  const file = join(folder, 'tasks.sqlite')
  const before = readTasks(join(source, 'tasks.sqlite'))
  let after: string[] | undefined
  let failures = 0
  let halfDone = 0
  const attempt = (room: number): boolean => {
    for (const entry of readdirSync(folder)) rmSync(join(folder, entry))
    cpSync(source, folder, { recursive: true })
    let pages = room
    let failed: unknown
    const limited = <T>(call: () => T): T => {
      const free = disk.limit(folder, room)
      try {
        return call()
      } catch (error) {
        failed = error
        throw error
      } finally {
        free()
        pages = Infinity
      }
    }
    const again = work(folder, limited, () => pages)
    const where = `with room for ${room} pages`
    if (failed !== undefined) {
      const { code, message } = failed as TaskStoreError
      assert.equal(code, 'DISK_FULL', `${where}: ${failed}`)
      assert.ok(message.includes(folder) && /call again/.test(message), message)
      const now = readTasks(file)
      const isDone = mayBeDone && isDeepStrictEqual(now, after)
      if (!isDone) assert.deepEqual(leftOver(folder), [], where)
      if (isInBatches) halfDone += assertWhole(now, before, after ?? [], where)
      else assert.deepEqual(now, isDone ? after : before, where)
      failures++
    }
    again()
    const done = readTasks(file)
    after ??= done
    assert.deepEqual(done, after, where)
    check(folder)
    return failed === undefined
  }
  // To see what the call does when nothing is in its way.
  assert.ok(attempt(ENOUGH))
  let room = 0
  while (!attempt(room)) {
    room += disk === PAGE_LIMIT ? 1 : step
    assert.ok(room < ENOUGH, 'it is never enough')
  }
  t.diagnostic(`failed ${failures} times, ${halfDone} of them between batches`)
  assert.ok(failures > 1, `it failed ${failures} times`)
  // What the first batch archives leaves pages for the next ones.
  if (isInBatches && disk !== PAGE_LIMIT) assert.ok(halfDone > 0, 'it never failed between two batches')
}

/** Every task is as it was or as it will be, and none that was there is gone. Gives 1 where something was done. */
function assertWhole(
  now: readonly string[],
  before: readonly string[],
  after: readonly string[],
  where: string,
) {
  const idOf = (text: string) => /"task_id":"([^"]*)"/.exec(text)?.[1]
  const allowed = new Set([...before, ...after])
  const tasks = now.filter((text) => text.startsWith('['))
  for (const task of tasks) assert.ok(allowed.has(task), `${where}: ${task}`)
  const ids = tasks.map(idOf)
  assert.equal(new Set(ids).size, ids.length, `${where}: a task is there twice`)
  for (const text of before) assert.ok(ids.includes(idOf(text)) || !text.startsWith('['), `${where}: ${text}`)
  // Each has its one shard, and there are no others.
  assert.ok(
    now.some((text) => text.startsWith(`${tasks.length} shards in all`)),
    where,
  )
  return now.some((text) => !before.includes(text)) ? 1 : 0
}

for (const disk of [PAGE_LIMIT, SIZE_LIMIT, SMALL_DISK]) {
  const options = disk.skip === undefined ? {} : { skip: disk.skip }
  for (const call of CALLS) {
    test(`${disk.name}: ${call.name} is done or undone, and works once there is room`, options, (t) => {
      growUntilEnough(t, disk, call, (folder, limited, pages) => {
        const store = disk.open(join(folder, 'tasks.sqlite'), pages)
        t.after(() => store.close())
        let isDone = false
        try {
          limited(() => call.call(store, folder))
          isDone = true
        } catch {
          // Told by `limited`.
        }
        return () => {
          if (disk === PAGE_LIMIT) store.db.$client.pragma('max_page_count = 1000000')
          if (!isDone) call.call(store, folder)
          const { $client } = store.db
          store.close()
          $client.close()
        }
      })
    })
  }

  test(`${disk.name}: a migration is done or undone, and works once there is room`, options, (t) => {
    const old = join(temporaryFolder(t), 'old.sqlite')
    copyFileSync(OLD_FILE, old)
    const migration = {
      prepare: (folder: string) => copyFileSync(old, join(folder, 'tasks.sqlite')),
      step: 3,
      // A file is upgraded, and then opened again.
      mayBeDone: true,
    }
    const check = (folder: string) => {
      const copies = readdirSync(folder).filter((entry) => entry.includes('before-v5'))
      assert.equal(copies.length, 1)
      assert.deepEqual(readTasks(join(folder, copies[0] ?? '')), readTasks(old))
    }
    growUntilEnough(
      t,
      disk,
      migration,
      (folder, limited, pages) => {
        const open = () => {
          const store = disk.open(join(folder, 'tasks.sqlite'), pages)
          const { $client } = store.db
          store.close()
          $client.close()
        }
        try {
          limited(open)
        } catch {
          // Told by `limited`.
        }
        return open
      },
      check,
    )
  })

  if (disk === PAGE_LIMIT) continue
  test(`${disk.name}: a new file is created whole or not at all`, options, (t) => {
    const folder = disk.folder(t)
    const file = join(folder, 'tasks.sqlite')
    let failures = 0
    for (let room = 0; !existsSync(file); room += 2) {
      const free = disk.limit(folder, room)
      try {
        disk.open(file, () => room).close()
      } catch (error) {
        failures++
        assert.equal((error as TaskStoreError).code, 'DISK_FULL', `with room for ${room} pages: ${error}`)
        assert.deepEqual(
          readdirSync(folder).filter((entry) => entry !== 'filler'),
          [],
        )
      } finally {
        free()
      }
    }
    assert.ok(failures > 1)
    using store = disk.open(file, () => 0)
    assert.equal(store.save(newTasks('new', 1, 1)[0] as NewTaskInfo).taskId, 'new-0')
  })

  for (const replace of [false, true]) {
    const title = replace ? 'exportFile leaves the file that it would replace' : 'exportFile leaves no file'
    test(`${disk.name}: ${title}, and works once there is room`, options, (t) => {
      const exported = (folder: string) => join(folder, 'tasks.jsonl')
      const prepare = (folder: string) => {
        fill(join(folder, 'tasks.sqlite'), newTasks('task', 150, 3000))
        if (replace) writeFileSync(exported(folder), 'old')
      }
      growUntilEnough(
        t,
        disk,
        { prepare, step: 20 },
        (folder, limited) => {
          const store = disk.open(join(folder, 'tasks.sqlite'), () => 0)
          t.after(() => store.close())
          const file = exported(folder)
          let isDone = false
          try {
            limited(() => store.exportFile(file, { replace }))
            isDone = true
          } catch {
            if (replace) assert.equal(readFileSync(file, 'utf8'), 'old')
            else assert.equal(existsSync(file), false)
          }
          return () => {
            if (!isDone) store.exportFile(file, { replace })
            store.close()
          }
        },
        (folder) => {
          assert.equal(readFileSync(exported(folder), 'utf8').trim().split('\n').length, 150)
        },
      )
    })
  }
}
