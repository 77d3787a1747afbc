/** Any value that the JSON columns can hold: JSON, and what Python's `json` writes beyond JSON. */
export type JsonValue = null | boolean | number | bigint | string | JsonArray | JsonObject

/** An array of {@link JsonValue}. */
export type JsonArray = JsonValue[]

/** An object of {@link JsonValue}. Every key is an own key, `__proto__` too. */
export type JsonObject = { [key: string]: JsonValue }

/**
 * The value of a JSON cell that cannot be read: its text, as it is in the file. Saving a task that holds one
 * writes the same text back.
 *
 * @example
 * ```ts
 * import { TaskStore, UnreadableJson } from 'uniqc-task-store'
 *
 * using store = new TaskStore({ file: ':memory:' })
 * for (const task of store.list()) {
 *   if (task.result instanceof UnreadableJson) console.warn(task.taskId, task.result.text)
 * }
 * ```
 */
export class UnreadableJson {
  /** The text of the cell. */
  readonly text: string

  /** @internal */
  constructor(text: string) {
    this.text = text
  }

  /** The form in which exports, `toJson` and `JSON.stringify` write it. */
  toJSON(): { $unreadable: string } {
    return { $unreadable: this.text }
  }
}

/** Sets any key as an own property, even `__proto__`. */
export function setOwn<Value>(object: Record<string, Value>, key: string, value: Value): void {
  if (key !== '__proto__') object[key] = value
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}

/** True for object literals, objects without a prototype, and those of other realms. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** How the content of a class instance or a typed array is given as a plain value: `; spread it: [...value]`. */
export function spreadHint(value: unknown, name = 'value'): string {
  const tag = Object.prototype.toString.call(value)
  if (/^\[object \w+\d\w*Array\]$/.test(tag)) return `; spread it: [...${name}]`
  const isInstance = tag === '[object Object]' && !isPlainObject(value) && !(value instanceof UnreadableJson)
  return isInstance ? `; spread it: { ...${name} }` : ''
}

/** The type of a value in words, without its content: `a function`, `a Map`. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return `a ${typeof value}`
  const name = isPlainObject(value) ? 'object' : value.constructor?.name || 'object'
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`
}
