import { parseJsonOrText } from '../../drizzle/json/read.ts'
import { isPlainObject, type JsonObject, UnreadableJson } from '../../drizzle/json/value.ts'
import { stringifyJson } from '../../drizzle/json/write.ts'
import type { TaskInfo } from '../../drizzle/schema.ts'
import { TaskStoreError } from './task-store-error.ts'

/** The metadata key under which version 5 keeps the id that it replaced. */
export const REPLACED_ID = 'legacy_platform_id'

/** The metadata key under which version 5 keeps metadata that are not an object. */
export const RAW_METADATA = 'legacy_metadata_raw'

/**
 * The only task of those that replaced an id; undefined if there is none.
 *
 * @throws TaskStoreError `AMBIGUOUS_ID` for several.
 */
export function soleTask<Task extends TaskInfo>(
  replacedId: string,
  tasks: readonly Task[],
): Task | undefined {
  if (tasks.length > 1) {
    const ids = tasks.map(({ taskId }) => taskId).join(', ')
    throw new TaskStoreError(
      'AMBIGUOUS_ID',
      `${tasks.length} tasks replaced the id ${JSON.stringify(replacedId)}: ${ids}; use one of these ids`,
    )
  }
  return tasks[0]
}

/** Whether metadata name the id that was replaced, or cannot name one. */
export function namesReplacedId(metadata: JsonObject): boolean {
  return metadata instanceof UnreadableJson || Object.hasOwn(metadata, REPLACED_ID)
}

/** The id that a task replaced, as its metadata name it: always a string, as ids are. */
function replacedIdIn(metadata: unknown): string | undefined {
  const id = isPlainObject(metadata) ? metadata[REPLACED_ID] : undefined
  return typeof id === 'string' ? id : undefined
}

/** New metadata for a stored task, with the id that it replaced unless they name one. */
export function keepReplacedId(stored: JsonObject, given: JsonObject): JsonObject {
  const id = replacedIdIn(stored)
  return id === undefined || namesReplacedId(given) ? given : { ...given, [REPLACED_ID]: id }
}

/** {@link keepReplacedId} on the texts of two cells. The added key comes last, as in version 5. */
export function keepReplacedIdText(stored: string, given: string): string {
  const [storedValue, value] = [stored, given].map((text) => parseJsonOrText(text || '{}'))
  const id = replacedIdIn(storedValue)
  if (id === undefined || (isPlainObject(value) && Object.hasOwn(value, REPLACED_ID))) return given
  const members = isPlainObject(value)
    ? given.trim().slice(1, -1).trim()
    : `"${RAW_METADATA}": ${stringifyJson(value)}`
  const added = `"${REPLACED_ID}": ${stringifyJson(id)}`
  return members === '' ? `{${added}}` : `{${members}, ${added}}`
}
