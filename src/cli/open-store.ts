import type { TaskStore, TaskStoreOptions } from '../index.ts'
import type { PostgresTaskStore, PostgresTaskStoreOptions } from '../postgres-task-store.ts'
import type { WorkerTaskStore } from '../worker-task-store.ts'
import { CliError, EXIT } from './cli-error.ts'
import type { GlobalOptions } from './options.ts'
import { hidePasswordOf } from './output/hide-password.ts'

/** A store of any kind: its calls are awaited. */
export type Store = TaskStore | WorkerTaskStore | PostgresTaskStore

/** How a store is opened. */
export interface Opening {
  /** Create the file if it is missing. */
  readonly create?: boolean
  /** For calls that take long: a file gets a thread of its own, so that Ctrl-C is heard meanwhile. */
  readonly isLong?: boolean
}

/** Where a file is. */
export type FilePlace = Pick<TaskStoreOptions, 'file' | 'cacheDir'>

/** Where a store is. */
export type Place =
  | { readonly kind: 'file'; readonly options: FilePlace }
  | {
      readonly kind: 'server'
      readonly options: Pick<PostgresTaskStoreOptions, 'url' | 'schema'> & { url: string }
    }

const isUrl = (text: string) => /^postgres(?:ql)?:\/\//i.test(text)

/** Where the store is that the options and the environment name. */
export function placeOf({ file, cacheDir, url, schema }: GlobalOptions): Place {
  const given = Object.entries({ file, 'cache-dir': cacheDir, url }).filter(
    ([, value]) => value !== undefined,
  )
  if (given.length > 1) {
    const names = given.map(([name]) => `--${name}`).join(' and ')
    throw new CliError(EXIT.misuse, `${names} name two stores`, 'give one of them')
  }
  if (file !== undefined && isUrl(file)) {
    hidePasswordOf(file)
    throw new CliError(
      EXIT.misuse,
      '--file takes a path',
      'give a URL as --url, or better in UNIQC_TASKS_URL',
    )
  }
  const fromEnvironment = given.length === 0 ? process.env.UNIQC_TASKS_URL : undefined
  const server = url ?? (fromEnvironment || undefined)
  if (server !== undefined)
    return serverPlace(server, schema, url === undefined ? 'UNIQC_TASKS_URL' : '--url')
  if (schema !== undefined) {
    throw new CliError(
      EXIT.misuse,
      '--schema is of a PostgreSQL store',
      'name it with UNIQC_TASKS_URL or --url',
    )
  }
  return {
    kind: 'file',
    options: { ...(file !== undefined && { file }), ...(cacheDir !== undefined && { cacheDir }) },
  }
}

/** Where the store is that a path or a URL names. */
export function placeNamed(target: string, schema: string | undefined, option: string): Place {
  return isUrl(target) ? serverPlace(target, schema, option) : { kind: 'file', options: { file: target } }
}

function serverPlace(url: string, schema: string | undefined, name: string): Place {
  hidePasswordOf(url)
  if (!isUrl(url) || !URL.canParse(url)) {
    throw new CliError(EXIT.misuse, `${name} must be postgres://user@host:port/database`)
  }
  return { kind: 'server', options: { url, ...(schema !== undefined && { schema }) } }
}

/** Opens a store that is only read: nothing is created, upgraded or locked. */
export async function openReader(
  place: Place,
  { isLong = false }: Pick<Opening, 'isLong'> = {},
): Promise<Store> {
  if (place.kind === 'file') return (isLong ? openLong : openFile)(place.options, { readonly: true })
  return openServer({ ...place.options, migrate: false })
}

/** Opens a store to write, which must be there unless it is to be created. */
export async function openWriter(
  place: Place,
  { create = false, isLong = false }: Opening = {},
): Promise<Store> {
  if (place.kind === 'file') return (isLong ? openLong : openFile)(place.options, { create })
  return openServer({ ...place.options, migrate: true })
}

/** The store of a file, for what only such a store has. */
export function onlyFile(place: Place, command: string, instead: string): FilePlace {
  if (place.kind === 'file') return place.options
  throw new CliError(EXIT.misuse, `${command} is for files`, instead)
}

export async function openFile(place: FilePlace, options: TaskStoreOptions): Promise<TaskStore> {
  const { TaskStore } = await import('../index.ts')
  return new TaskStore({ ...place, ...options })
}

/** Opens a file in a thread of its own. */
export async function openLong(place: FilePlace, options: TaskStoreOptions): Promise<WorkerTaskStore> {
  const { WorkerTaskStore } = await import('../worker-task-store.ts')
  return WorkerTaskStore.open({ ...place, ...options })
}

async function openServer(options: PostgresTaskStoreOptions): Promise<PostgresTaskStore> {
  const { PostgresTaskStore } = await import('../postgres-task-store.ts')
  return PostgresTaskStore.open(options)
}

/** A store as it is named in messages: a path, or a URL without its password. */
export function nameOf(place: Place, store?: Store): string {
  if (place.kind === 'file')
    return store !== undefined && 'file' in store ? store.file : (place.options.file ?? '')
  const url = new URL(place.options.url)
  url.password = ''
  url.searchParams.delete('password')
  return url.toString()
}
