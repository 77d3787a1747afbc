import { isDate } from 'node:util/types'
import { type AnyPersistence, type AnyStore, collect } from '../support/any-store.ts'

export interface Given {
  readonly store: AnyStore
  readonly persistence: AnyPersistence
  /** Whatever it is: no type keeps it out. */
  readonly value: never
}

/** A place for a value among the arguments of a method, and what alone can be right there. */
export type Call = readonly [
  name: string,
  mayBe: (value: unknown) => boolean,
  call: (given: Given) => unknown,
]

export const isText = (value: unknown) => typeof value === 'string'
export const isNumber = (value: unknown) => typeof value === 'number'
const isFunction = (value: unknown) => typeof value === 'function'
export const isObject = (value: unknown) => typeof value === 'object' && value !== null
export const isAnything = () => true
const isNothing = () => false
export const optional = (mayBe: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || mayBe(value)
const nullable = (mayBe: (value: unknown) => boolean) =>
  optional((value: unknown) => value === null || mayBe(value))
export const isFlag = optional((value) => typeof value === 'boolean')
const isTexts = (value: unknown) => isText(value) || (Array.isArray(value) && value.every(isText))
const isTime = (value: unknown) => isText(value) || isDate(value)
export const isOptions = optional(isObject)

export const TASK = { taskId: 'new', backend: 'b', status: 'running' } as const
export const SHARD = { uniqcTaskId: 'target', platformTaskId: 'p' } as const
export const RECORD = { task_id: 'new', platform: 'b', status: 'running' } as const

const FILTER: Readonly<Record<string, (value: unknown) => boolean>> = {
  status: optional(isTexts),
  backend: optional(isText),
  platform: optional(isText),
  submittedAfter: optional(isTime),
  submittedBefore: optional(isTime),
}

const LIST = { ...FILTER, limit: optional(isNumber), offset: optional(isNumber), after: optional(isText) }

/** A call for each of some options. */
export function withOption(
  name: string,
  options: Readonly<Record<string, (value: unknown) => boolean>>,
  call: (given: Given, options: object) => unknown,
): Call[] {
  return Object.entries(options).map(([option, mayBe]) => [
    `${name} ${option}`,
    mayBe,
    (given) => call(given, { [option]: given.value }),
  ])
}

/** Calls that write nothing into a store. */
export const READS: readonly Call[] = [
  ['get(V)', isText, ({ store, value }) => store.get(value)],
  ['list(V)', isOptions, ({ store, value }) => store.list(value)],
  ['listSummaries(V)', isOptions, ({ store, value }) => store.listSummaries(value)],
  ['iterate(V)', isOptions, ({ store, value }) => collect(store.iterate(value))],
  ['count(V)', isOptions, ({ store, value }) => store.count(value)],
  ['countByStatus(V)', isOptions, ({ store, value }) => store.countByStatus(value)],
  ['getMany(V)', isObject, ({ store, value }) => store.getMany(value)],
  ['getMany([_, V])', isText, ({ store, value }) => store.getMany(['target', value])],
  ['countByBackend(V)', isOptions, ({ store, value }) => store.countByBackend(value)],
  ['archive.countByStatus(V)', isOptions, ({ store, value }) => store.archive.countByStatus(value)],
  ...withOption('pageSummaries', LIST, ({ store }, o) => store.pageSummaries(o)),
  ...withOption('countByBackend', FILTER, ({ store }, o) => store.countByBackend(o)),
  ['getShards(V)', isText, ({ store, value }) => store.getShards(value)],
  ['findShards(V)', isText, ({ store, value }) => store.findShards(value)],
  ['findShards(_, V)', isOptions, ({ store, value }) => store.findShards('p', value)],
  ...withOption('findShards', { backend: optional(isText) }, ({ store }, o) => store.findShards('p', o)),
  ...withOption('list', LIST, ({ store }, o) => store.list(o)),
  ...withOption('listSummaries', LIST, ({ store }, o) => store.listSummaries(o)),
  ...withOption('page', LIST, ({ store }, o) => store.page(o)),
  ...withOption('iterate', LIST, ({ store }, o) => collect(store.iterate(o))),
  ...withOption('count', FILTER, ({ store }, o) => store.count(o)),
  ...withOption('countByStatus', FILTER, ({ store }, o) => store.countByStatus(o)),
  ['archive.get(V)', isText, ({ store, value }) => store.archive.get(value)],
  ['archive.list(V)', isOptions, ({ store, value }) => store.archive.list(value)],
  ['archive.count(V)', isOptions, ({ store, value }) => store.archive.count(value)],
  ['archive.getShards(V)', isText, ({ store, value }) => store.archive.getShards(value)],
  ...withOption('archive.list', LIST, ({ store }, o) => store.archive.list(o)),
  ...withOption('archive.count', FILTER, ({ store }, o) => store.archive.count(o)),
  ['exportFile(V)', isText, ({ store, value }) => store.exportFile(value, { replace: true })],
  ['exportFile(_, V)', isOptions, ({ store, value }) => store.exportFile('export', value)],
  ...withOption('exportFile', FILTER, ({ store }, o) => store.exportFile('e', { replace: true, ...o })),
  ...withOption('exportFile', { replace: isFlag }, ({ store }, o) => store.exportFile('e', o)),
  ['importFile(_, V)', isOptions, ({ store, value }) => store.importFile('missing', value)],
  ['load(V)', isText, ({ persistence, value }) => persistence.load(value)],
  ['listAll(V)', isOptions, ({ persistence, value }) => persistence.listAll(value)],
  ['listByPlatform(V)', isText, ({ persistence, value }) => persistence.listByPlatform(value)],
  ['persistence.count(V)', isOptions, ({ persistence, value }) => persistence.count(value)],
  ...withOption(
    'listAll',
    { platform: optional(isText), status: optional(isText), limit: optional(isNumber) },
    ({ persistence }, o) => persistence.listAll(o),
  ),
  ...withOption(
    'persistence.count',
    { platform: optional(isText), status: optional(isText) },
    ({ persistence }, o) => persistence.count(o),
  ),
]

const MOVE = { onConflict: optional(isText) }

/** Calls that may write. */
export const WRITES: readonly Call[] = [
  ['save(V)', isObject, ({ store, value }) => store.save(value)],
  ['save(_, V)', isOptions, ({ store, value }) => store.save(TASK, value)],
  ...withOption(
    'save',
    {
      taskId: isText,
      backend: isText,
      status: isText,
      shots: optional(isNumber),
      submitTime: optional(isTime),
      updateTime: optional(isTime),
      errorMessage: nullable(isText),
      other: isNothing,
    },
    ({ store }, o) => store.save({ ...TASK, ...o }, { keepUpdateTime: true }),
  ),
  ...withOption('save option', { keepUpdateTime: isFlag }, ({ store }, o) => store.save(TASK, o)),
  ['saveMany(V)', isObject, ({ store, value }) => store.saveMany(value)],
  ['saveMany([_, V])', isObject, ({ store, value }) => store.saveMany([TASK, value])],
  ['saveMany([], V)', isOptions, ({ store, value }) => store.saveMany([TASK], value)],
  ['update(V)', isText, ({ store, value }) => store.update(value, { shots: 1 })],
  ['update(_, V)', isObject, ({ store, value }) => store.update('target', value)],
  ['update(_, _, V)', isOptions, ({ store, value }) => store.update('target', { shots: 1 }, value)],
  ...withOption(
    'update',
    {
      backend: optional(isText),
      status: optional(isText),
      shots: optional(isNumber),
      submitTime: optional(isTime),
      updateTime: optional(isTime),
      errorMessage: nullable(isText),
      taskId: optional(isText),
      other: isNothing,
    },
    ({ store }, o) => store.update('target', o),
  ),
  ...withOption(
    'update option',
    { ifStatus: optional(isTexts), ifUpdateTime: optional(isText), keepUpdateTime: isFlag },
    ({ store }, o) => store.update('target', { shots: 1 }, o),
  ),
  ['delete(V)', isText, ({ store, value }) => store.delete(value)],
  ['clearCompleted(V)', optional(isTexts), ({ store, value }) => store.clearCompleted(value)],
  ['transaction(V)', isFunction, ({ store, value }) => store.transaction(value)],
  ['addShard(V)', isObject, ({ store, value }) => store.addShard(value)],
  ['addShard(_, V)', isOptions, ({ store, value }) => store.addShard(SHARD, value)],
  ['saveShard(V)', isObject, ({ store, value }) => store.saveShard(value)],
  ...withOption(
    'saveShard',
    {
      uniqcTaskId: isText,
      shardIndex: isNumber,
      platformTaskId: isText,
      backend: optional(isText),
      circuitCount: optional(isNumber),
      subIndexOffset: optional(isNumber),
      status: optional(isText),
      errorMessage: nullable(isText),
      submitTime: optional(isTime),
      updateTime: optional(isTime),
      other: isNothing,
    },
    ({ store }, o) =>
      store.saveShard({ ...SHARD, shardIndex: 0, ...o }, { keepUpdateTime: true, refreshTask: true }),
  ),
  ...withOption('addShard option', { keepUpdateTime: isFlag, refreshTask: isFlag }, ({ store }, o) =>
    store.addShard(SHARD, o),
  ),
  ['deleteShards(V)', isText, ({ store, value }) => store.deleteShards(value)],
  ['archive(V)', isText, ({ store, value }) => store.archive.archive(value)],
  ['archive(_, V)', isOptions, ({ store, value }) => store.archive.archive('target', value)],
  ...withOption('archive', MOVE, ({ store }, o) => store.archive.archive('target', o)),
  ['restore(V)', isText, ({ store, value }) => store.archive.restore(value)],
  ['restore(_, V)', isOptions, ({ store, value }) => store.archive.restore('archived', value)],
  ...withOption('restore', MOVE, ({ store }, o) => store.archive.restore('archived', o)),
  ['archiveMany(V)', isObject, ({ store, value }) => store.archive.archiveMany(value)],
  ['archiveMany([_, V])', isText, ({ store, value }) => store.archive.archiveMany(['target', value])],
  ['archiveMany([_], V)', isOptions, ({ store, value }) => store.archive.archiveMany(['target'], value)],
  ['restoreMany([_, V])', isText, ({ store, value }) => store.archive.restoreMany(['archived', value])],
  ['deleteMany(V)', isObject, ({ store, value }) => store.archive.deleteMany(value)],
  ['deleteMany([_, V])', isText, ({ store, value }) => store.archive.deleteMany(['archived', value])],
  ['archive.delete(V)', isText, ({ store, value }) => store.archive.delete(value)],
  ['archiveOlderThan(V)', isObject, ({ store, value }) => store.archive.archiveOlderThan(value)],
  ...withOption(
    'archiveOlderThan',
    { hours: isNumber, statuses: optional(isTexts), dryRun: isFlag, ...MOVE },
    ({ store }, o) => store.archive.archiveOlderThan({ hours: 1, ...o }),
  ),
  [
    'persistence.save(V)',
    (v) => isText(v) || isObject(v),
    ({ persistence, value }) => persistence.save(value),
  ],
  ['persistence.save(V, ...)', isText, ({ persistence, value }) => persistence.save(value, 'b', 'running')],
  ['persistence.save(_, V)', isText, ({ persistence, value }) => persistence.save('new', value, 'running')],
  ['persistence.save(_, _, V)', isText, ({ persistence, value }) => persistence.save('new', 'b', value)],
  [
    'persistence.save(.., V)',
    isOptions,
    ({ persistence, value }) => persistence.save('new', 'b', 'running', null, value),
  ],
  ...withOption(
    'persistence.save',
    {
      shots: optional(isNumber),
      submit_time: optional(isTime),
      update_time: optional(isTime),
      error_message: nullable(isText),
    },
    ({ persistence }, o) => persistence.save({ ...RECORD, ...o }),
  ),
  ['persistence.update(V)', isText, ({ persistence, value }) => persistence.update(value, { note: 1 })],
  ['persistence.update(_, V)', isObject, ({ persistence, value }) => persistence.update('target', value)],
  ['upsert(V)', (v) => isText(v) || isObject(v), ({ persistence, value }) => persistence.upsert(value)],
  ['upsert(_, V)', isText, ({ persistence, value }) => persistence.upsert('new', value, 'running')],
  [
    'upsert(.., V)',
    isOptions,
    ({ persistence, value }) => persistence.upsert('target', 'b', 'running', 1, value),
  ],
  ['persistence.delete(V)', isText, ({ persistence, value }) => persistence.delete(value)],
]
