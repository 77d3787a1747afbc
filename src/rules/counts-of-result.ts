import { isPlainObject, type JsonValue } from '../../drizzle/json/value.ts'

/**
 * The counts of a result of one circuit, in the order of the bit strings: shorter ones first, then by value.
 * Takes every form that files hold: `{"00":512,"11":488}`, `{"counts":{...}}` with or without more beside it,
 * `[{"key":"0x0","value":512},...]`. Hexadecimal keys become bit strings as wide as the longest of them.
 *
 * A count is an integer. One below 0, which UnifiedQuantum's rounding can make, is shown as it is; a bigint
 * becomes a number.
 *
 * @returns undefined for anything else: a batch (see {@link countsPerCircuit}), an error, null, a cell that
 * cannot be read, a count that is not an integer, a key that is neither a bit string nor hexadecimal, and a
 * bit string that occurs twice, as in a list of pairs that holds several circuits.
 * @example
 * ```ts
 * import { countsOf, TaskStore } from 'uniqc-task-store'
 *
 * using store = new TaskStore({ file: ':memory:' })
 * store.save({ taskId: 'a', backend: 'b', status: 'success', result: { counts: { '11': 488, '00': 512 } } })
 * for (const [bits, count] of countsOf(store.get('a')?.result) ?? []) console.log(bits, count) // 00 512, 11 488
 * ```
 */
export function countsOf(result: JsonValue | undefined): [bits: string, count: number][] | undefined {
  return readHistogram(isWrapped(result) ? result.counts : result, asCount)
}

/**
 * The probabilities of a result of one circuit, in the order of {@link countsOf}: each count over the sum of
 * all or, without counts, what is stored: under `probabilities`, or as numbers from 0 to 1 in the place of
 * counts. Those that are stored are returned as they are, whatever their sum.
 *
 * @returns undefined if there are neither, and for counts whose sum is not above 0. An empty list for `{}`.
 */
export function probabilitiesOf(
  result: JsonValue | undefined,
): [bits: string, probability: number][] | undefined {
  const counts = countsOf(result)
  const sum = counts?.reduce((total, [, count]) => total + count, 0) ?? 0
  if (counts !== undefined && sum > 0) return counts.map(([bits, count]) => [bits, count / sum])
  if (isPlainObject(result) && Object.hasOwn(result, 'probabilities')) {
    return readHistogram(result.probabilities, asNumber)
  }
  if (counts !== undefined) return counts.length === 0 ? [] : undefined
  return isWrapped(result) ? undefined : readHistogram(result, asFraction)
}

/**
 * The counts of each circuit, as {@link countsOf} returns them: one entry per circuit for a batch, one entry
 * for any other result, none without a result. An entry is null if there are no counts: the circuit is
 * missing, it failed, or its result is of another form.
 *
 * A list is a batch unless every item of it has a `key` and a `value`.
 *
 * @example
 * ```ts
 * import { countsPerCircuit } from 'uniqc-task-store'
 *
 * console.log(countsPerCircuit([{ '1': 7, '0': 5 }, null])) // [ [ [ '0', 5 ], [ '1', 7 ] ], null ]
 * ```
 */
export function countsPerCircuit(result: JsonValue | undefined): ([bits: string, count: number][] | null)[] {
  if (result === undefined || result === null) return []
  const circuits = Array.isArray(result) && !isPairs(result) ? result : [result]
  return circuits.map((circuit) => countsOf(circuit) ?? null)
}

/** Whether a result has its counts under the key `counts`. */
function isWrapped(result: unknown): result is { readonly counts: unknown } {
  return isPlainObject(result) && Object.hasOwn(result, 'counts')
}

/** The values of bit strings, in their order; undefined if a key or a value is of another kind. */
function readHistogram(
  histogram: unknown,
  read: (value: unknown) => number | undefined,
): [string, number][] | undefined {
  const entries = entriesOf(histogram)
  if (entries === undefined) return undefined
  const width = entries.reduce((longest, [key]) => Math.max(longest, isHex(key) ? toBits(key).length : 0), 0)
  const values = new Map<string, number>()
  for (const [key, content] of entries) {
    const bits = isHex(key) ? toBits(key).padStart(width, '0') : key
    const value = read(content)
    if (!/^[01]+$/.test(bits) || value === undefined || values.has(bits)) return undefined
    values.set(bits, value)
  }
  return [...values].sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1))
}

function entriesOf(histogram: unknown): (readonly [key: string, value: unknown])[] | undefined {
  if (isPairs(histogram)) return histogram.map(({ key, value }) => [key, value])
  return isPlainObject(histogram) ? Object.entries(histogram) : undefined
}

/** False for an empty list: that is a batch without circuits. */
function isPairs(value: unknown): value is { readonly key: string; readonly value: unknown }[] {
  return Array.isArray(value) && value.length > 0 && value.every(isPair)
}

function isPair(item: unknown): boolean {
  return isPlainObject(item) && typeof item.key === 'string' && Object.hasOwn(item, 'value')
}

/** No longer than a machine could need: every other key is widened to the longest. */
const HEX = /^0x[\da-f]{1,1024}$/i

const isHex = (key: string) => HEX.test(key)
const toBits = (key: string) => BigInt(key).toString(2)

/** A number beyond 2^53-1 was a float in the file: integers of that size are bigints. */
function asCount(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : undefined
  return typeof value === 'bigint' ? asNumber(Number(value)) : undefined
}

function asNumber(value: unknown): number | undefined {
  return Number.isFinite(value) ? (value as number) : undefined
}

function asFraction(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined
}
