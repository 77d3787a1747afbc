import { CliError, EXIT } from './cli-error.ts'
import type { Store } from './open-store.ts'
import { escapeText } from './output/escape-text.ts'

/** The fewest characters that stand for a whole id. */
const SHORTEST = 4

/** How many ids are shown where several begin alike. */
const SHOWN = 10

/** Where a task is looked for: among the live ones, in the archive, or in both. */
export type Where = 'live' | 'archived' | 'both'

const ARCHIVED = { live: false, archived: true, both: 'both' } as const

/**
 * The id of the task that a person means: by its whole id, one that it had before version 5, or an unambiguous beginning.
 *
 * @throws CliError if there is none, or more than one.
 */
export async function findId(store: Store, given: string, where: Where = 'both'): Promise<string> {
  const options = { archived: ARCHIVED[where], limit: SHOWN + 1 }
  const ids = given === '' ? [] : await store.findIds(given, options)
  const id = ids[0] === given ? given : ((await replacing(store, given, where)) ?? ids[0])
  const shown = JSON.stringify(escapeText(given))
  const isWhole = id !== undefined && (id === given || !id.startsWith(given))
  if (id === undefined || (!isWhole && [...given].length < SHORTEST)) {
    const tooShort = id !== undefined || [...given].length < SHORTEST
    const next = tooShort
      ? `the beginning of an id has at least ${SHORTEST} characters`
      : await elsewhere(store, given, where)
    throw new CliError(
      EXIT.notFound,
      `no ${where === 'both' ? '' : `${where} `}task has the id ${shown}`,
      next,
    )
  }
  if (isWhole || ids.length === 1) return id
  const list = ids.slice(0, SHOWN).map((id) => `\n  ${escapeText(id)}`)
  const more = ids.length > SHOWN ? '\n  ...' : ''
  throw new CliError(
    EXIT.misuse,
    `several ids begin with ${shown}; type more of the one that is meant:${list.join('')}${more}`,
  )
}

/** The task that replaced an id, which is not its own. */
async function replacing(store: Store, given: string, where: Where): Promise<string | undefined> {
  const live = where === 'archived' ? undefined : await store.get(given)
  return (live ?? (where === 'live' ? undefined : await store.archive.get(given)))?.taskId
}

async function elsewhere(store: Store, given: string, where: Where): Promise<string> {
  const other = where === 'live' ? 'archived' : 'live'
  const found =
    where !== 'both' && (await store.findIds(given, { archived: other === 'archived', limit: 1 })).length > 0
  if (!found) return '"uniqc-tasks list --all --archived too" shows the ids'
  return other === 'archived'
    ? 'one in the archive begins so: "uniqc-tasks restore" brings it back'
    : 'a live one begins so'
}
