import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import type { AnyStore } from '../support/any-store.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { throws, throwsWithin } from '../support/throws.ts'
import { transact, type Work, wait, work } from '../support/work.ts'
import {
  assertHolds,
  call,
  FILES,
  RARE_WRITES,
  READS,
  REFUSED,
  type RefusedCall,
  type Side,
  type Step,
  update,
  upgraded,
  type World,
  WRITES,
} from './model-steps.ts'
import { flag } from './model-values.ts'
import { Refused, TaskModel } from './task-model.ts'

const CALLS = 120

const START = Date.UTC(2026, 4, 3)
const HOUR = 3_600_000

/** What the model needs of an engine. */
export interface ModelEngine {
  /** Opens the store of a name: an empty one at first, then one with the same tasks. */
  readonly open: (name: string) => Promise<AnyStore>
  /** Looks at what the stores of a name left behind. */
  readonly verify: (name: string) => void | Promise<void>
  readonly remove: (name: string) => void | Promise<void>
  /** Whether a list of both places orders tasks of one submit time as the model does, which knows no gaps. */
  readonly isOneOrder: boolean
  /** Calls and steps that only the stores of this engine have. */
  readonly refused: readonly RefusedCall[]
  readonly files: readonly fc.Arbitrary<Step>[]
}

/** A list of both places. */
const OF_BOTH = /^(?:list|page)\b.*"archived":"both"/

/** One step, one that reads or writes files, or a transaction of both. */
function stepsOf(engine: ModelEngine) {
  const refused = fc.constantFrom(...REFUSED, ...engine.refused).map(([label, ask, code]) =>
    call(label, ask, () => {
      throw new Refused(code)
    }),
  )
  const step = fc.oneof(
    { weight: 10, arbitrary: fc.oneof(...WRITES) },
    { weight: 4, arbitrary: update },
    { weight: 1, arbitrary: upgraded },
    { weight: 1, arbitrary: fc.oneof(...RARE_WRITES) },
    {
      weight: 4,
      arbitrary: fc.oneof(...READS).filter(({ label }) => engine.isOneOrder || !OF_BOTH.test(label)),
    },
    { weight: 1, arbitrary: refused },
  )
  const fileStep = fc.oneof(...FILES, ...engine.files)
  return { step, fileStep, transaction: transactionOf(step, fileStep) }
}

const labels = (steps: readonly Step[]) => steps.map(({ label }) => label).join('; ')

/** A transaction of steps, of which an inner one can fail alone. */
const transactionOf = (step: fc.Arbitrary<Step>, fileStep: fc.Arbitrary<Step>) =>
  fc
    .record({
      before: fc.array(step, { maxLength: 4 }),
      inner: fc.array(fc.oneof(step, fileStep), { maxLength: 4 }),
      innerFails: flag,
      fails: flag,
    })
    .map(
      ({ before, inner, innerFails, fails }): Step => ({
        label: `transaction(${labels(before)}; transaction(${labels(inner)})${innerFails ? ' fails' : ''})${fails ? ' fails' : ''}`,
        *run(side, world) {
          yield* attempt(side, fails, function* () {
            for (const one of before) yield* one.run(side, world)
            yield* attempt(side, innerFails, function* () {
              for (const one of inner) yield* one.run(side, world)
            })
            yield* assertHolds(side.store, side.model)
          })
        },
      }),
    )

/** Runs steps in a transaction of the store, which is undone in the model as well if it fails. */
function* attempt(side: Side, fails: boolean, steps: () => Work<void>): Work<void> {
  class Undone extends Error {}
  const { store } = side
  const before = side.model.copy()
  const run = () =>
    transact(store, function* (tx) {
      side.store = tx
      try {
        yield* steps()
      } finally {
        side.store = store
      }
      if (fails) throw new Undone()
    })
  if (!fails) {
    yield* wait(run())
    return
  }
  yield* throwsWithin(run, Undone)
  side.model = before
}

/** The model of fast-check; ours is in the world. */
type Nothing = Record<string, never>
class OnWorld implements fc.AsyncCommand<Nothing, World> {
  readonly #label: string
  readonly #run: (world: World) => void | Promise<void>

  constructor(label: string, run: (world: World) => void | Promise<void>) {
    this.#label = label
    this.#run = run
  }

  check(): boolean {
    return true
  }

  async run(_: Nothing, world: World): Promise<void> {
    await this.#run(world)
    for (const { store, second, model } of [world.main, world.other]) {
      await work(assertHolds)(store, model)
      await work(assertHolds)(second, model)
    }
  }

  toString(): string {
    return this.#label
  }
}

const openSide = async (engine: ModelEngine, name: string): Promise<Side> => ({
  name,
  store: await engine.open(name),
  second: await engine.open(name),
  model: new TaskModel(engine.isOneOrder),
})

/** Commands, given how the clock is set. */
const commandsWith = (t: TestContext, engine: ModelEngine) => {
  const { step, fileStep, transaction } = stepsOf(engine)
  const onMain = fc.oneof(
    { weight: 8, arbitrary: step },
    { weight: 2, arbitrary: fileStep },
    { weight: 1, arbitrary: transaction },
  )
  const onOther = fc.oneof({ weight: 3, arbitrary: step }, { weight: 1, arbitrary: fileStep })
  const clock = fc
    .constantFrom(0, 0, 1, 30 * HOUR, -30 * HOUR)
    .map((time) => new OnWorld(`clock(${time})`, ({ start }) => t.mock.timers.setTime(start + time)))
  const reopen = fc.constantFrom('main', 'other').map(
    (name) =>
      new OnWorld(`reopen(${name})`, async (world) => {
        const side = world[name as 'main' | 'other']
        await side.store.close()
        await throws(() => side.store.get('old-1'), { code: 'CLOSED' })
        side.store = await engine.open(side.name)
      }),
  )
  const swap = fc.constantFrom('main', 'other').map(
    (name) =>
      new OnWorld(`swap(${name})`, (world) => {
        const side = world[name as 'main' | 'other']
        ;[side.store, side.second] = [side.second, side.store]
      }),
  )
  const on = (name: 'main' | 'other', steps: fc.Arbitrary<Step>) =>
    steps.map((one) => new OnWorld(`${name}.${one.label}`, (world) => work(one.run)(world[name], world)))
  return fc.commands(
    [
      fc.oneof(
        { weight: 12, arbitrary: on('main', onMain) },
        { weight: 4, arbitrary: on('other', onOther) },
        { weight: 4, arbitrary: clock },
        { weight: 1, arbitrary: reopen },
        { weight: 1, arbitrary: swap },
      ),
    ],
    { maxCommands: CALLS, size: 'max' },
  )
}

/** For an engine that takes the time from the clock of this thread, which is set here. */
export function modelContract(start: (t: TestContext) => ModelEngine, sequences: number): void {
  const seed = process.env.UNIQC_MODEL_SEED
  test(`${sequences} random sequences of up to ${CALLS} calls: the store answers as a plain model does, and holds the same`, async (t) => {
    const engine = start(t)
    const exported = join(temporaryFolder(t), 'tasks.jsonl')
    t.mock.timers.enable({ apis: ['Date'], now: START })
    let sequence = 0
    await fc.assert(
      fc.asyncProperty(commandsWith(t, engine), async (commands) => {
        sequence++
        // Another moment for each: stamps of one millisecond count on.
        const start = START + sequence * 1000
        t.mock.timers.setTime(start)
        const main = await openSide(engine, `main${sequence}`)
        const other = await openSide(engine, `other${sequence}`)
        const world: World = { start, main, other, exported, copies: undefined }
        try {
          await fc.asyncModelRun(() => ({ model: {}, real: world }), commands)
          for (const { name } of [main, other]) await engine.verify(name)
        } finally {
          for (const { name, store, second } of [main, other]) {
            await store.close()
            await second.close()
            await engine.remove(name)
          }
        }
      }),
      seed === undefined ? { numRuns: sequences } : { numRuns: sequences, seed: Number(seed) },
    )
  })
}
