import type { ArchiveMoveResult } from '../../index.ts'
import type { CliCommand } from '../cli-command.ts'
import { CliError, EXIT } from '../cli-error.ts'
import { confirm } from '../confirm.ts'
import { findId, type Where } from '../find-id.ts'
import { openWriter, placeOf, type Store } from '../open-store.ts'
import type { GlobalOptions } from '../options.ts'
import { escapeText } from '../output/escape-text.ts'
import { isTerminal, print, tell } from '../output/print.ts'
import { printJson } from '../output/print-json.ts'
import { plainLine } from '../output/print-records.ts'
import { sayCount } from '../say-count.ts'

interface Options extends GlobalOptions {
  readonly json?: boolean
  readonly yes?: boolean
  readonly archived?: boolean
  readonly onConflict?: 'live' | 'archived'
}

type Outcome = Pick<ArchiveMoveResult, 'taskId' | 'outcome'> & { readonly reason?: string }

const SHAPE =
  'an array of { taskId, outcome, reason }, one for each id; outcome is "archived", "restored", "deleted", "already-there", "not-found", "conflict" or "ambiguous-id", and reason, where there is one, says why nothing was done'

/** Adds the commands that move or delete single tasks. */
export function addMoves(program: CliCommand): void {
  const add = (name: string, does: string) =>
    program
      .command(name)
      .argument('<id...>', 'tasks, or the beginnings of their ids')
      .summary(does)
      .action((ids: readonly string[], _options: unknown, command: CliCommand) =>
        MOVES[name]?.(ids, command.optsWithGlobals<Options>()),
      )
  const onConflict = 'which record wins where a task is both live and archived'
  add('archive', 'move tasks to the archive')
    .description(
      'Moves live tasks to the archive of the same store, with their shards. "restore" brings them back.',
    )
    .choice('--on-conflict <place>', onConflict, ['live', 'archived'])
    .json(SHAPE)
    .example('Two tasks out of the way', 'uniqc-tasks archive uqt_4f2a uqt_99c1')
  add('restore', 'bring tasks back from the archive')
    .description('Moves archived tasks back to the live ones, with their shards.')
    .choice('--on-conflict <place>', onConflict, ['live', 'archived'])
    .json(SHAPE)
    .example('A task back from the archive', 'uniqc-tasks restore uqt_4f2a')
  add('delete', 'delete tasks for good')
    .description('Deletes tasks and their shards for good. It asks first.')
    .option('--archived', 'delete archived tasks')
    .yes()
    .json(SHAPE)
    .example('A task, without a question', 'uniqc-tasks delete uqt_4f2a --yes')
    .example('A task of the archive', 'uniqc-tasks delete --archived uqt_4f2a')
}

const MOVES: Readonly<Record<string, (ids: readonly string[], options: Options) => Promise<void>>> = {
  archive: (given, options) => {
    const { onConflict } = options
    return each(given, 'live', options, async (store, ids) =>
      outcomesOf(await store.archive.archiveMany(ids, { onConflict })),
    )
  },
  restore: (given, options) => {
    const { onConflict } = options
    return each(given, 'archived', options, async (store, ids) =>
      outcomesOf(await store.archive.restoreMany(ids, { onConflict })),
    )
  },
  delete: (given, options) =>
    each(given, options.archived ? 'archived' : 'live', options, async (store, ids) => {
      const what = `${sayCount(ids.length)} (${ids.map(escapeText).join(', ')})`
      await confirm(`Delete ${what} for good?`, options.yes)
      return options.archived ? outcomesOf(await store.archive.deleteMany(ids)) : deleteLive(store, ids)
    }),
}

function outcomesOf(results: readonly ArchiveMoveResult[]): Outcome[] {
  return results.map(({ taskId, outcome, error }) => ({
    taskId,
    outcome,
    ...(error && { reason: error.message }),
  }))
}

async function deleteLive(store: Store, ids: readonly string[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const taskId of ids) {
    try {
      outcomes.push({ taskId, outcome: (await store.delete(taskId)) ? 'deleted' : 'not-found' })
    } catch (error) {
      // A row of somebody's own table refers to it; the others can go.
      if ((error as { code?: unknown }).code !== 'CONFLICT') throw error
      outcomes.push({ taskId, outcome: 'conflict', reason: (error as Error).message })
    }
  }
  return outcomes
}

/** Finds each task, works on those that are there, and prints what became of each. */
async function each(
  given: readonly string[],
  where: Where,
  options: Options,
  work: (store: Store, ids: readonly string[]) => Promise<readonly Outcome[]>,
): Promise<void> {
  await using store = await openWriter(placeOf(options))
  const found = new Map<string, CliError | undefined>()
  for (const id of given) {
    try {
      found.set(await findId(store, id, where), undefined)
    } catch (error) {
      // A beginning that may mean another task ends the command before anything is done.
      if (!(error instanceof CliError) || error.exitCode !== EXIT.notFound) throw error
      found.set(id, error)
    }
  }
  const ids = [...found].flatMap(([id, error]) => (error === undefined ? [id] : []))
  const done = new Map(
    (ids.length > 0 ? await work(store, ids) : []).map((result) => [result.taskId, result]),
  )
  const outcomes = [...found].map(([taskId, error]): Outcome => {
    const result = done.get(taskId)
    return result ?? { taskId, outcome: 'not-found', ...(error && { reason: error.message }) }
  })
  await show(outcomes, options)
  for (const error of found.values()) {
    if (error !== undefined)
      tell(`error: ${error.message}${error.next === undefined ? '' : `\n  ${error.next}`}`)
  }
  const failed = outcomes.filter(({ reason, outcome }) => reason !== undefined && outcome !== 'not-found')
  for (const { reason } of failed) tell(`error: ${escapeText(reason ?? '')}`)
  if (failed.length > 0) process.exitCode = EXIT.failed
  else if (outcomes.some(({ outcome }) => outcome === 'not-found')) process.exitCode = EXIT.notFound
}

async function show(outcomes: readonly Outcome[], { json }: Options): Promise<void> {
  if (json) return printJson(outcomes)
  const lines = outcomes.map(({ taskId, outcome }) =>
    isTerminal() ? `${outcome.replace('-', ' ')}  ${escapeText(taskId)}\n` : plainLine([outcome, taskId]),
  )
  await print(lines.join(''))
}
