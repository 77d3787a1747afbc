import type { StoredTask } from '../../rules/raw-task.ts'
import type { Reconciled } from '../../rules/reconcile.ts'
import type { Session, Transaction } from '../transaction.ts'
import { KnownTasks, unstorable, Writes } from './reconcile-tasks.ts'

/** How incoming tasks are decided on and counted. */
export interface Taking<Item> {
  readonly taskOf: (item: Item) => StoredTask
  /** The ids by which the store may know a task. */
  readonly idsOf: (item: Item) => readonly string[]
  readonly take: (item: Item, known: KnownTasks) => Reconciled | undefined
  readonly refuse: (item: Item, reason: string) => void
  /** Returns a function that forgets what was decided since then. */
  readonly mark: () => () => void
  readonly dryRun: boolean
}

/** Takes tasks in one transaction, or in more, if one changes what another one before it has changed. */
export async function takeTasks<Item>(
  session: Session,
  items: readonly Item[],
  taking: Taking<Item>,
): Promise<void> {
  let rest = items
  while (rest.length > 0) {
    const now = rest
    const restore = taking.mark()
    const takeAll = (tx: Transaction) => {
      // It may be run again.
      restore()
      return takeFirst(tx, now, taking)
    }
    rest = await (taking.dryRun ? session.snapshot(takeAll) : session.transaction(takeAll))
  }
}

/** Takes what can be decided at once, and returns the rest. */
async function takeFirst<Item>(
  tx: Transaction,
  items: readonly Item[],
  { taskOf, idsOf, take, refuse, mark, dryRun }: Taking<Item>,
): Promise<readonly Item[]> {
  const [, known] = await Promise.all([
    dryRun ? undefined : tx.alone(),
    KnownTasks.load(tx, [...new Set(items.flatMap(idsOf))], dryRun ? '' : 'FOR UPDATE'),
  ])
  const writes = new Writes()
  let rest: readonly Item[] = []
  for (const [index, item] of items.entries()) {
    const reason = unstorable(taskOf(item))
    const restore = mark()
    if (reason !== undefined) refuse(item, reason)
    else if (!writes.add(take(item, known))) {
      restore()
      rest = items.slice(index)
      break
    }
  }
  if (!dryRun) tx.later(writes.write(tx))
  return rest
}
