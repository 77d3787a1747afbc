import fc from 'fast-check'
import type { JsonObject, NewTaskRecord, TaskRecordChanges } from 'uniqc-task-store'

/** Small pools, so that calls meet. */
const IDS = ['old-1', 'old-2', `uqt_${'0'.repeat(32)}`, 'uqt_x']
const PLATFORM_IDS = ['old-1', 'old-2', 'job-1', 'job-2']
const BACKENDS = ['originq', 'originq:WK_C180', 'originq-x', 'ibm:fez']
export const STATUSES = ['pending', 'running', 'success', 'failed', 'cancelled'] as const
export const ENDED: readonly string[] = ['success', 'failed', 'cancelled']
const TIMES = [
  '2026-05-01T00:00:00',
  '2026-05-01T00:00:00+00:00',
  '2026-05-01T08:00:00+08:00',
  '2026-05-02T23:59:59.123456+00:00',
  '2026-05-04T00:00:00Z',
]

export const id = fc.constantFrom(...IDS)
/** As the version 5 step makes one. */
export const newId = fc.constantFrom(...IDS.filter((one) => one.startsWith('uqt_')))
/** As the version 5 step replaces one. */
export const oldId = fc.constantFrom('old-1', 'old-2')
export const ids = fc.array(id, { maxLength: 4 })
export const platformId = fc.constantFrom(...PLATFORM_IDS)
export const backend = fc.constantFrom(...BACKENDS)
export const status = fc.constantFrom(...STATUSES)
export const statuses = fc.oneof(status, fc.array(status, { minLength: 1, maxLength: 3 }))
export const time = fc.constantFrom(...TIMES)
export const flag = fc.boolean()
export const errorMessage = fc.constantFrom(null, 'it broke', 'no such chip')
export const result = fc.constantFrom(
  null,
  { '00': 5, '11': -1 },
  [1, null],
  [],
  { p: Number.NaN, n: 2n ** 70n },
  'x',
)
export const metadata = fc.constantFrom<JsonObject[]>(
  {},
  { a: 1 },
  { a: { b: 2 }, note: '任务' },
  { shots: 'metadata', task_id: 7 },
  { legacy_platform_id: 'old-1' },
  { legacy_platform_id: 'old-2', a: 3 },
)
/** An object that has some of these fields. */
export const some = <T>(fields: { [name in keyof T]: fc.Arbitrary<T[name]> }) =>
  fc.record(fields, { requiredKeys: [] })

export const shots = fc.constantFrom(0, 1000)
export const optionalFields = { shots, submitTime: time, updateTime: time, result, metadata, errorMessage }
export const task = fc.record(
  { taskId: id, backend, status, ...optionalFields },
  { requiredKeys: ['taskId', 'backend', 'status'] },
)
export const changes = some({ taskId: id, backend, status, ...optionalFields })
export const filterFields = {
  status: statuses,
  backend,
  platform: fc.constantFrom('originq', 'ibm', 'none'),
  submittedAfter: time,
  submittedBefore: time,
}
export const filter = some(filterFields)
export const listOptions = some({
  ...filterFields,
  limit: fc.integer({ min: -1, max: 4 }),
  offset: fc.integer({ min: 0, max: 3 }),
  archived: fc.constantFrom<boolean | 'both'>(true, false, 'both'),
})
export const onConflict = some({
  onConflict: fc.constantFrom<'throw' | 'live' | 'archived'>('throw', 'live', 'archived'),
})
export const shardFields = {
  backend,
  circuitCount: fc.constantFrom(1, 2),
  subIndexOffset: fc.constantFrom(0, 3),
  status,
  result,
  errorMessage,
  submitTime: time,
  updateTime: time,
}
export const shardOptions = some({ keepUpdateTime: flag, refreshTask: flag })
export const recordFields = {
  result,
  shots,
  submit_time: time,
  update_time: time,
  error_message: errorMessage,
  a: fc.constantFrom(1, 'text'),
  legacy_platform_id: platformId,
}
export const extra = some(recordFields)

export const pair = <A, B>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>) => fc.tuple(a, b)

export const record = fc.record(
  { task_id: id, platform: backend, status, ...recordFields },
  { requiredKeys: ['task_id', 'platform', 'status'] },
) as fc.Arbitrary<NewTaskRecord>
export const upsertable = fc.record(
  { task_id: id, platform: backend, status, ...recordFields },
  { requiredKeys: ['task_id'] },
) as fc.Arbitrary<TaskRecordChanges & { readonly task_id: string }>
export const recordFilter = some({ platform: fc.constantFrom('originq', 'ibm'), status })
export const shortForm = fc.tuple(
  id,
  backend,
  status,
  fc.option(result, { nil: undefined }),
  fc.option(
    some({
      shots,
      submit_time: time,
      update_time: time,
      error_message: errorMessage,
      a: fc.constantFrom(1, 'text'),
    }),
    { nil: undefined },
  ),
)
export const toRecord = ([task_id, platform, state, value, more]: typeof shortForm extends fc.Arbitrary<
  infer T
>
  ? T
  : never) =>
  ({
    ...more,
    task_id,
    platform,
    status: state,
    ...(value !== undefined && { result: value }),
  }) as NewTaskRecord
