import fc from 'fast-check'
import type { JsonValue } from 'uniqc-task-store'
import { holdsLoneSurrogate } from './lone-surrogate.ts'

const KEYS = [
  ...['$int', '$float', '$object', '$unreadable', '$', '$date', '__proto__', 'constructor', '0', '10'],
]

/** Whatever a cell can hold, with what looks like an export's own tags. */
export const { value: anyJson } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<JsonValue>(null, true, Number.NaN, Infinity, -Infinity, -0, 1e21, 2 ** 60, 5e-324),
    fc.constantFrom<JsonValue>(
      'NaN',
      '$int',
      '"$',
      '12345678901234567890',
      '-Infinity',
      '\ud800',
      '\u2028\r\n',
    ),
    fc.double(),
    fc.bigInt({ min: 2n ** 53n, max: 10n ** 40n }),
    fc.bigInt({ min: -(10n ** 40n), max: -(2n ** 53n) }),
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 3 })), tie('value')), {
        maxLength: 3,
      })
      .map((entries) => Object.fromEntries(entries)),
  ),
}))
/** What the result of a shard can hold. */
export const anyShardResult = anyJson.filter((value) => !holdsLoneSurrogate(value))
/** What metadata can hold. */
export const anyObject = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 3 })), anyJson), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries))
  .filter((value) => !holdsLoneSurrogate(value))
