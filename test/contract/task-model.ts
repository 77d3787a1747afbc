import { isDeepStrictEqual } from 'node:util'
import type {
  JsonObject,
  JsonValue,
  NewTaskInfo,
  NewTaskShard,
  TaskFilter,
  TaskInfo,
  TaskListOptions,
  TaskShard,
} from 'uniqc-task-store'

/** A task of the model, live or archived. */
export interface ModelTask {
  /** Lists put the last inserted of one time first. */
  readonly rowid: number
  readonly task: TaskInfo
  shards: TaskShard[]
  archivedAt: string | null
}

/** A call that the model refuses, by the code of the error or the name of its class. */
export class Refused extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

type OnConflict = 'throw' | 'live' | 'archived'
type Outcome = 'added' | 'updated' | 'unchanged' | 'kept' | 'conflict'

const TERMINAL = ['success', 'failed', 'cancelled']
const isOld = (id: string) => !id.startsWith('uqt_')

/**
 * A time that the store stamps: checked and filled in when the store shows it.
 *
 * @param after The stored time: it must differ from that one, and follow it where that is at most a second ahead.
 */
const stamp = (after = '') => {
  // A task that one call saves twice: the first time is not shown.
  const stored = after.startsWith('stamp ') ? after.split(' ')[2] : after
  return `stamp ${new Date().toISOString().slice(0, -1)} ${stored}`
}

/** How many rows a call of a test may save. */
const ROWS = 10

/** Whether a time that the store shows is the one of the model. */
export function isTime(actual: string, expected: string): boolean {
  if (!expected.startsWith('stamp ')) return actual === expected
  const [, moment = '', after = ''] = expected.split(' ')
  if (!OWN_TIME.test(actual) || actual === after) return false
  const [start = 0, time = 0] = [momentOf(`${moment}000+00:00`), momentOf(actual)]
  const stored = OWN_TIME.test(after) ? momentOf(after) : undefined
  const isAhead = stored !== undefined && stored >= start && stored <= start + 1_000_000
  if (isAhead && time <= stored) return false
  return time - start < 1000 ? time >= start : isAhead && time <= stored + ROWS
}

const OWN_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/

/** The moment of a time in microseconds; undefined for text that is not a time. A time without offset is of UTC. */
function momentOf(time: string): number | undefined {
  const milliseconds = Date.parse(/\d\d:\d\d$/.test(time) && !/[+Z]/.test(time) ? `${time}Z` : time)
  return Number.isNaN(milliseconds) ? undefined : milliseconds * 1000 + Number(time.slice(23, 26))
}

/** What a {@link import('uniqc-task-store').TaskStore} holds, written as simply as possible. */
export class TaskModel {
  live: ModelTask[] = []
  archived: ModelTask[] = []
  /** Whether it is known which of a live and an archived task of one submit time comes first. */
  readonly isOneOrder: boolean

  constructor(isOneOrder: boolean) {
    this.isOneOrder = isOneOrder
  }

  copy(): TaskModel {
    const { live, archived, isOneOrder } = this
    return Object.assign(new TaskModel(isOneOrder), structuredClone({ live, archived }))
  }

  /** All or nothing. */
  attempt<T>(work: () => T): T {
    const before = this.copy()
    try {
      return work()
    } catch (error) {
      Object.assign(this, before)
      throw error
    }
  }

  find(place: readonly ModelTask[], id: string): ModelTask | undefined {
    const exact = at(place, id)
    const replaced = exact ? [] : this.#replaced(place, id)
    if (replaced.length > 1) throw new Refused('AMBIGUOUS_ID')
    return exact ?? replaced[0]
  }

  save(given: NewTaskInfo, keepUpdateTime = false): TaskInfo {
    const stored = this.find(this.live, given.taskId)
    const task: TaskInfo = {
      taskId: stored?.task.taskId ?? given.taskId,
      backend: given.backend,
      status: given.status,
      shots: given.shots ?? 0,
      submitTime: asText(given.submitTime) ?? stored?.task.submitTime ?? stamp(),
      updateTime: (keepUpdateTime ? asText(given.updateTime) : undefined) ?? stamp(stored?.task.updateTime),
      result: (given.result ?? null) as JsonValue,
      metadata: { ...given.metadata },
      errorMessage: given.errorMessage ?? null,
    }
    const oldId = stored?.task.metadata.legacy_platform_id
    if (typeof oldId === 'string' && stored?.shards.some((shard) => shard.platformTaskId === oldId)) {
      task.metadata = { legacy_platform_id: oldId, ...task.metadata }
    }
    if (stored === undefined) return insert(this.live, task).task
    return Object.assign(stored.task, task)
  }

  update(
    id: string,
    changes: Partial<NewTaskInfo>,
    options: {
      readonly ifStatus?: string | readonly string[] | undefined
      readonly ifUpdateTime?: string | undefined
      readonly keepUpdateTime?: boolean | undefined
    } = {},
  ): TaskInfo | undefined {
    const task = this.find(this.live, id)?.task
    if (task === undefined) return undefined
    if (changes.taskId !== undefined && changes.taskId !== id && changes.taskId !== task.taskId) {
      throw new Refused('TypeError')
    }
    if (options.ifStatus !== undefined && ![options.ifStatus].flat().includes(task.status)) return undefined
    if (options.ifUpdateTime !== undefined && options.ifUpdateTime !== task.updateTime) return undefined
    const { taskId, metadata, updateTime, ...fields } = changes
    const given = Object.entries(fields).filter(([, value]) => value !== undefined)
    return Object.assign(task, Object.fromEntries(given), {
      metadata: { ...task.metadata, ...metadata },
      updateTime: options.keepUpdateTime ? (updateTime ?? task.updateTime) : stamp(task.updateTime),
    })
  }

  delete(place: ModelTask[], id: string): boolean {
    const found = this.find(place, id)
    if (found !== undefined) remove(place, found)
    return found !== undefined
  }

  clear(statuses?: readonly string[]): number {
    const kept = this.live.filter(({ task }) => statuses !== undefined && !statuses.includes(task.status))
    const cleared = this.live.length - kept.length
    this.live = kept
    return cleared
  }

  saveShard(
    given: Omit<NewTaskShard, 'shardIndex'> & { shardIndex?: number | undefined },
    options: { readonly keepUpdateTime?: boolean | undefined; readonly refreshTask?: boolean | undefined },
  ): TaskShard {
    const parent = this.find(this.live, given.uniqcTaskId)
    if (parent === undefined) {
      // The message says which archived task it is, where that can be told.
      this.find(this.archived, given.uniqcTaskId)
      throw new Refused('INVALID_TASK')
    }
    const { task, shards } = parent
    const shardIndex = given.shardIndex ?? Math.max(-1, ...shards.map((shard) => shard.shardIndex)) + 1
    const stored = shards.find((shard) => shard.shardIndex === shardIndex)
    const end = Math.max(0, ...shards.map((shard) => shard.subIndexOffset + shard.circuitCount))
    const time = stamp(stored?.updateTime)
    const shard: TaskShard = {
      uniqcTaskId: task.taskId,
      shardIndex,
      platformTaskId: given.platformTaskId,
      backend: given.backend ?? stored?.backend ?? task.backend,
      circuitCount: given.circuitCount ?? stored?.circuitCount ?? 1,
      subIndexOffset: given.subIndexOffset ?? stored?.subIndexOffset ?? end,
      status: given.status ?? 'pending',
      result: (given.result ?? null) as JsonValue,
      errorMessage: given.errorMessage ?? null,
      submitTime: asText(given.submitTime) ?? stored?.submitTime ?? time,
      updateTime: (options.keepUpdateTime ? asText(given.updateTime) : undefined) ?? time,
    }
    putShard(parent, shard)
    if (options.refreshTask)
      Object.assign(task, aggregate(parent.shards), { updateTime: stamp(task.updateTime) })
    return shard
  }

  /** @param to The name of the place that it is moved to. */
  move(id: string, to: 'live' | 'archived', onConflict: OnConflict = 'throw'): boolean {
    const [from, target] = to === 'live' ? [this.archived, this.live] : [this.live, this.archived]
    const moved = this.find(from, id)
    if (moved === undefined) return false
    const other = at(target, moved.task.taskId)
    if (other !== undefined && onConflict === 'throw') throw new Refused('CONFLICT')
    remove(from, moved)
    if (other !== undefined && onConflict === to) return true
    if (other !== undefined) remove(target, other)
    insert(target, moved.task, moved.shards, to === 'archived' ? stamp() : null)
    return true
  }

  moveMany(ids: readonly string[], to: 'live' | 'archived', onConflict?: OnConflict) {
    const target = to === 'live' ? 'live' : 'archived'
    return ids.map((taskId) => ({
      taskId,
      outcome: outcomeOf(() => {
        if (this.move(taskId, to, onConflict)) return to === 'live' ? 'restored' : 'archived'
        return this.find(this[target], taskId) === undefined ? 'not-found' : 'already-there'
      }),
    }))
  }

  deleteMany(ids: readonly string[]) {
    return ids.map((taskId) => ({
      taskId,
      outcome: outcomeOf(() => (this.delete(this.archived, taskId) ? 'deleted' : 'not-found')),
    }))
  }

  archiveOlderThan(options: {
    readonly hours: number
    readonly statuses?: string | readonly string[] | undefined
    readonly onConflict?: OnConflict | undefined
    readonly dryRun?: boolean | undefined
  }) {
    const report = { archived: [] as string[], conflicts: [] as string[], unreadable: [] as string[] }
    const latest = (Date.now() - options.hours * 3_600_000) * 1000
    for (const { task } of [...this.live]) {
      const { taskId, status, submitTime } = task
      if (![options.statuses ?? TERMINAL].flat().includes(status)) continue
      const moment = momentOf(submitTime)
      const isTaken = at(this.archived, taskId) !== undefined
      if (moment === undefined) report.unreadable.push(taskId)
      else if (moment >= latest) continue
      else if (isTaken && (options.onConflict ?? 'throw') === 'throw') report.conflicts.push(taskId)
      else {
        report.archived.push(taskId)
        if (!options.dryRun) this.move(taskId, 'archived', options.onConflict)
      }
    }
    return report
  }

  /** The tasks that match, as a list returns them. */
  list({ archived = false, limit = -1, offset = 0, ...filter }: TaskListOptions = {}) {
    const places = [archived === true ? [] : this.live, archived === false ? [] : this.archived].flat()
    const sorted = places
      .filter(({ task }) => isMatch(task, filter))
      .sort(
        (a, b) =>
          compare(b.task.submitTime, a.task.submitTime) ||
          b.rowid - a.rowid ||
          Number(a.archivedAt !== null) - Number(b.archivedAt !== null),
      )
    return sorted
      .slice(offset, limit < 0 ? undefined : offset + limit)
      .map(({ task, archivedAt }) => (archived === false ? { ...task } : { ...task, archivedAt }))
  }

  shardsWith(platformTaskId: string, backend?: string): TaskShard[] {
    return this.live
      .flatMap(({ shards }) => shards)
      .filter(
        (shard) => shard.platformTaskId === platformTaskId && (backend ?? shard.backend) === shard.backend,
      )
      .sort((a, b) => compare(a.uniqcTaskId, b.uniqcTaskId) || a.shardIndex - b.shardIndex)
  }

  /** Takes in the tasks of an export. */
  importTasks(copies: readonly ModelTask[], overwrite: boolean) {
    const report = { read: copies.length, imported: 0, unchanged: 0, superseded: 0, skipped: [] as string[] }
    for (const copy of structuredClone(copies)) {
      const matches = this.#matchesById(copies, copy)
      const { outcome } = matches.length > 1 ? CONFLICT : this.#reconcile(copy, matches[0], overwrite, false)
      if (outcome === 'added' || outcome === 'updated') report.imported++
      else if (outcome === 'unchanged') report.unchanged++
      else report.skipped.push(copy.task.taskId)
    }
    return report
  }

  /** Takes in the tasks of another store. */
  merge(other: TaskModel, dryRun: boolean) {
    const report = { read: 0, added: 0, updated: 0, unchanged: 0, kept: 0 }
    const conflicts: string[] = []
    const renamed: { theirs: string; ours: string }[] = []
    const matched = new Set<ModelTask>()
    const copies = structuredClone([...other.live, ...other.archived])
    const isTheirs = (id: string) => at(copies, id) !== undefined
    const mergeOne = (copy: ModelTask) => {
      const { taskId, submitTime } = copy.task
      let matches = this.#matchesById(copies, copy)
      if (matches.length === 0) {
        const ids = platformIdsOf(copy)
        const same = [...this.live, ...this.archived].filter(
          (own) => ids.size > 0 && !isTheirs(own.task.taskId) && isDeepStrictEqual(platformIdsOf(own), ids),
        )
        const then = same.filter((own) => isSameMoment(own.task.submitTime, submitTime))
        matches = then.length > 0 ? then : same
      }
      const [existing] = matches
      if (matches.length > 1) return CONFLICT
      if (existing !== undefined) {
        if (matched.has(existing)) return CONFLICT
        const isMadeUp = !/^uqt_[0-9a-f]{32}$/.test(taskId)
        if (isMadeUp && !isSameMoment(submitTime, existing.task.submitTime)) return CONFLICT
        matched.add(existing)
      }
      return this.#reconcile(copy, existing, false, dryRun)
    }
    for (const copy of copies) {
      const { outcome, taskId } = mergeOne(copy)
      report.read++
      if (outcome === 'conflict') conflicts.push(copy.task.taskId)
      else {
        report[outcome]++
        if (taskId !== copy.task.taskId) renamed.push({ theirs: copy.task.taskId, ours: taskId })
      }
    }
    return { ...report, conflicts, renamed }
  }

  #replaced(place: readonly ModelTask[], id: string): ModelTask[] {
    if (!isOld(id)) return []
    return place.filter(
      ({ task, shards }) =>
        task.metadata.legacy_platform_id === id && shards.some((shard) => shard.platformTaskId === id),
    )
  }

  /**
   * The tasks that have or had the id of a copy, that in its own place first. One that is copied itself
   * matches its own copy only.
   */
  #matchesById(copies: readonly ModelTask[], { task: { taskId }, archivedAt }: ModelTask): ModelTask[] {
    const isLive = archivedAt === null
    const [own, other] = isLive ? [this.live, this.archived] : [this.archived, this.live]
    const hasOther = copies.some(
      (copy) => copy.task.taskId === taskId && (copy.archivedAt === null) !== isLive,
    )
    const exact = at(own, taskId) ?? (hasOther ? undefined : at(other, taskId))
    if (exact !== undefined) return [exact]
    return [this.live, this.archived]
      .flatMap((place) => this.#replaced(place, taskId))
      .filter(({ task }) => at(copies, task.taskId) === undefined)
  }

  #reconcile(copy: ModelTask, existing: ModelTask | undefined, overwrite: boolean, dryRun: boolean) {
    if (existing === undefined) {
      const place = copy.archivedAt === null ? this.live : this.archived
      if (!dryRun) insert(place, copy.task, copy.shards, copy.archivedAt)
      return { outcome: 'added' as Outcome, taskId: copy.task.taskId }
    }
    const { taskId } = existing.task
    const provider = ({ task }: ModelTask) => task.backend.split(':')[0]
    if (!overwrite && provider(copy) !== provider(existing)) return CONFLICT
    const newer = whichIsNewer(comparable(copy.task), comparable(existing.task), overwrite)
    const shards = copy.shards.map((shard) => {
      const stored = existing.shards.find(({ shardIndex }) => shardIndex === shard.shardIndex)
      if (stored === undefined) return { shard, newer: 'copy' }
      if (!overwrite && stored.platformTaskId !== shard.platformTaskId) return { shard, newer: 'unclear' }
      return { shard, newer: whichIsNewer({ ...shard, uniqcTaskId: taskId }, stored, overwrite) }
    })
    if ([newer, ...shards.map((shard) => shard.newer)].includes('unclear')) return CONFLICT
    const newShards = shards.filter((shard) => shard.newer === 'copy')
    if (!dryRun) {
      const { legacy_platform_id } = existing.task.metadata
      const kept: JsonObject = legacy_platform_id === undefined ? {} : { legacy_platform_id }
      if (newer === 'copy') {
        Object.assign(existing.task, copy.task, { taskId, metadata: { ...kept, ...copy.task.metadata } })
      }
      for (const { shard } of newShards) putShard(existing, { ...shard, uniqcTaskId: taskId })
    }
    const outcome: Outcome =
      newer === 'copy' || newShards.length > 0 ? 'updated' : newer === 'stored' ? 'kept' : 'unchanged'
    return { outcome, taskId }

    /** Without the ids, which can differ between two files, and the old one, which can be in one only. */
    function comparable(task: TaskInfo): TaskInfo {
      const { legacy_platform_id: oldId, ...metadata } = task.metadata
      const [first, second] = [copy, existing].map((one) => one?.task.metadata.legacy_platform_id)
      const isInBoth = first !== undefined && second !== undefined
      return { ...task, taskId: '', metadata: isInBoth ? task.metadata : metadata }
    }
  }
}

const CONFLICT = { outcome: 'conflict' as Outcome, taskId: '' } as const

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const at = (place: readonly ModelTask[], id: string) => place.find(({ task }) => task.taskId === id)
const remove = (place: ModelTask[], task: ModelTask) => place.splice(place.indexOf(task), 1)

function insert(
  place: ModelTask[],
  task: TaskInfo,
  shards: TaskShard[] = [],
  archivedAt: string | null = null,
) {
  const inserted = { rowid: (place.at(-1)?.rowid ?? 0) + 1, task, shards, archivedAt }
  place.push(inserted)
  return inserted
}

function putShard(parent: ModelTask, shard: TaskShard): void {
  const others = parent.shards.filter(({ shardIndex }) => shardIndex !== shard.shardIndex)
  parent.shards = [...others, shard].sort((a, b) => a.shardIndex - b.shardIndex)
}

function isMatch(task: TaskInfo, filter: TaskFilter): boolean {
  const { status, backend, platform, submittedAfter, submittedBefore } = filter
  return (
    (status === undefined || [status].flat().includes(task.status)) &&
    (backend === undefined || task.backend === backend) &&
    (platform === undefined || task.backend === platform || task.backend.startsWith(`${platform}:`)) &&
    (submittedAfter === undefined || task.submitTime > submittedAfter) &&
    (submittedBefore === undefined || task.submitTime < submittedBefore)
  )
}

function outcomeOf(work: () => string): string {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return error.code === 'CONFLICT' ? 'conflict' : 'ambiguous-id'
  }
}

function aggregate(shards: readonly TaskShard[]): Pick<TaskInfo, 'status' | 'result' | 'errorMessage'> {
  const statuses = shards.map((shard) => shard.status)
  const isAll = (wanted: readonly string[]) => statuses.every((status) => wanted.includes(status))
  const ended = isAll(['success']) ? 'success' : statuses.includes('failed') ? 'failed' : 'cancelled'
  const errors = shards
    .filter((shard) => shard.status === 'failed')
    .flatMap((shard) => shard.errorMessage ?? [])
  const inOrder = shards.toSorted(
    (a, b) => a.subIndexOffset - b.subIndexOffset || a.shardIndex - b.shardIndex,
  )
  const values = inOrder.flatMap(({ circuitCount, result }): JsonValue[] => {
    const list = circuitCount !== 1 && Array.isArray(result) ? result : [result]
    return [...list, ...Array(Math.max(0, circuitCount - list.length)).fill(null)]
  })
  const isOne = shards.length === 1 && shards[0]?.circuitCount === 1
  return {
    status: isAll(TERMINAL) ? ended : 'running',
    result: isOne ? (values[0] ?? null) : values.every((value) => value === null) ? null : values,
    errorMessage: errors.length === 0 ? null : [...new Set(errors)].join('; '),
  }
}

function whichIsNewer<T extends { readonly updateTime: string }>(copy: T, stored: T, overwrite: boolean) {
  const isSame = isDeepStrictEqual({ ...copy, updateTime: '' }, { ...stored, updateTime: '' })
  if (overwrite) return isSame && copy.updateTime === stored.updateTime ? 'neither' : 'copy'
  const [there, here] = [momentOf(copy.updateTime), momentOf(stored.updateTime)]
  if (there !== undefined && here !== undefined && there !== here) return there > here ? 'copy' : 'stored'
  return isSame ? 'neither' : 'unclear'
}

function isSameMoment(a: string, b: string): boolean {
  return a === b || (momentOf(a) !== undefined && momentOf(a) === momentOf(b))
}

/** What a task is on its platform. */
function platformIdsOf({ task, shards }: ModelTask): Set<string> {
  if (shards.length > 0) return new Set(shards.map((shard) => `${shard.backend} ${shard.platformTaskId}`))
  return new Set(isOld(task.taskId) ? [`${task.backend} ${task.taskId}`] : [])
}

/** A model gets its times as text alone. */
const asText = (time: string | Date | undefined) => time as string | undefined
