import { ArgumentError, type ArgumentErrorCode } from '../rules/argument-error.ts'
import { isError } from '../rules/is-error.ts'
import { TaskStoreError, type TaskStoreErrorCode } from '../rules/task-store-error.ts'

/** An error as it crosses: structured cloning keeps neither its class nor what was added to it. */
export interface PackedError {
  readonly type: 'store' | 'argument' | 'other'
  readonly message: string
  readonly stack: string | undefined
  /** What else it has: its name, its code. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly cause: PackedError | undefined
}

export function packError(error: unknown): PackedError {
  if (!isError(error)) return packError(new Error(String(error)))
  const { name, message, stack, cause } = error
  const fields = Object.entries({ ...error, name }).filter(([, value]) => isPlain(value))
  return {
    type: error instanceof TaskStoreError ? 'store' : error instanceof ArgumentError ? 'argument' : 'other',
    message,
    stack,
    fields: Object.fromEntries(fields),
    cause: cause === undefined ? undefined : packError(cause),
  }
}

/** Strings, numbers and such, and objects of them. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null)
    return typeof value !== 'function' && typeof value !== 'symbol'
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain)
}

/** The error itself, with the frames of its own thread and then those of whoever waits for it here. */
export function unpackError(packed: PackedError): Error {
  const error = unpack(packed)
  const here = { stack: '' }
  Error.captureStackTrace(here, unpackError)
  const frames = here.stack.slice(here.stack.indexOf('\n'))
  define(error, 'stack', `${packed.stack ?? packed.message}${frames}`)
  return error
}

function unpack({ type, message, stack, fields, cause }: PackedError): Error {
  const error = create(type, message, fields, cause === undefined ? {} : { cause: unpack(cause) })
  define(error, 'stack', stack)
  return error
}

const OF_THE_LANGUAGE = new Map(
  [TypeError, RangeError, SyntaxError, ReferenceError].map((type) => [type.name, type]),
)

function create(
  type: PackedError['type'],
  message: string,
  fields: PackedError['fields'],
  options: ErrorOptions,
): Error {
  const { name, code, ...others } = fields
  if (type === 'store')
    return new TaskStoreError(code as TaskStoreErrorCode, message, { ...options, ...others })
  if (type === 'argument') {
    return new ArgumentError(code as ArgumentErrorCode, others.argument as string, message, options)
  }
  const error = new (OF_THE_LANGUAGE.get(name as string) ?? Error)(message, options)
  if (error.name !== name) define(error, 'name', name)
  return Object.assign(error, others, code === undefined ? {} : { code })
}

function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, writable: true, enumerable: false, configurable: true })
}
