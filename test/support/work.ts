import { type AnyStore, collect, type Either } from './any-store.ts'

/** Work that waits with `yield* wait(...)` where others await. */
export type Work<T> = Generator<unknown, T, unknown>

export function* wait<T>(value: Either<T>): Work<T> {
  return (yield value) as T
}

/**
 * A function that does the work of `body`, and returns a promise only if it waits for one. So one body can be a
 * transaction on stores of either kind: a synchronous one takes no work that returns a promise.
 */
export function work<Args extends unknown[], T>(
  body: (...args: Args) => Work<T>,
): (...args: Args) => Either<T> {
  return (...args) => {
    const steps = body(...args)
    const go = (take: () => IteratorResult<unknown, T>): Either<T> => {
      for (let next = take; ; ) {
        const { done, value } = next()
        if (done) return value
        if (value instanceof Promise) {
          return value.then(
            (awaited) => go(() => steps.next(awaited)),
            (error) => go(() => steps.throw(error)),
          )
        }
        next = () => steps.next(value)
      }
    }
    return go(() => steps.next())
  }
}

/** Runs work in a transaction of a store, which it gets as the store to call. */
export function transact<T>(store: AnyStore, body: (tx: AnyStore) => Work<T>): Either<T> {
  // A synchronous store hands nothing over: the transaction is its own.
  return store.transaction((tx) => work(body)(tx ?? store))
}

/** Everything that is iterated, as {@link collect} returns it. */
export function* drain<T>(items: Iterable<T> | AsyncIterable<T>): Work<T[]> {
  return Symbol.asyncIterator in items ? yield* wait(collect(items)) : [...items]
}
