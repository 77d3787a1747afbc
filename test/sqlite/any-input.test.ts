import { TaskPersistence, TaskStore } from 'uniqc-task-store'
import {
  type Call,
  isAnything,
  isFlag,
  isNumber,
  isObject,
  isOptions,
  isText,
  optional,
  TASK,
  withOption,
} from '../contract/any-calls.ts'
import { anyInputContract } from '../contract/any-input.ts'
import { openMemory } from '../support/open-store.ts'
import { readRows } from '../support/read-rows.ts'

const sqlite = (store: unknown) => store as TaskStore

const READS: readonly Call[] = [
  ['mergeFile(V)', isText, ({ store, value }) => sqlite(store).mergeFile(value)],
  ['mergeFile(_, V)', isOptions, ({ store, value }) => sqlite(store).mergeFile('missing', value)],
  ['aggregateStatus([V])', isAnything, ({ value }) => TaskStore.aggregateStatus([value])],
  [
    'new TaskStore(V)',
    optional((v) => isText(v) || isObject(v)),
    ({ value }) => new TaskStore(value).close(),
  ],
  [
    'new TaskPersistence(V)',
    optional((v) => isText(v) || isObject(v)),
    ({ value }) => new TaskPersistence(value).close(),
  ],
  ...withOption(
    'new TaskStore',
    { file: optional(isText), cacheDir: optional(isText), database: (v) => v === undefined },
    (_, o) => new TaskStore(o).close(),
  ),
  ...withOption('new TaskStore', { timeout: optional(isNumber), readonly: isFlag }, (_, o) =>
    new TaskStore({ file: ':memory:', ...o }).close(),
  ),
]

const WRITES: readonly Call[] = [
  [
    'transaction(() => V)',
    isAnything,
    ({ store, value }) => {
      // Not returned: whoever awaits it would call what may be its `then`.
      store.transaction(() => {
        store.save(TASK)
        return value
      })
    },
  ],
]

anyInputContract(openMemory, (store) => readRows(sqlite(store)), { reads: READS, writes: WRITES })
