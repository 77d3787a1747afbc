import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { copyFixture, FIXTURE_NAMES } from './fixtures.ts'

/** Texts of which every one has something about it that JSON.parse and Python's json could see differently. */
const WRITTEN: readonly string[] = [
  'null',
  'true',
  '0',
  '-0',
  '-0.0',
  '0e5',
  '""',
  '[]',
  '{}',
  ' [ ] ',
  '\t{\r\n}\n',
  '\ufeff{}',
  '{} {}',
  '[1] x',
  '01',
  '-01',
  '[00]',
  '1.',
  '.5',
  '+1',
  '0x10',
  '1_000',
  '[1e5, 1E+5, 1e-5, 1e400, -1e400, 1e-400, 5e-324, 1.7976931348623157e308]',
  '[1.0, 100000000000000000000.0, 123456789012345678.5]',
  '[9007199254740991, 9007199254740992, -9007199254740993, 9007199254740993.0]',
  '{"n": 12345678901234567890123, "m": [-18446744073709551617, 1e22, 1000000000000000]}',
  '1234567890123456',
  '0.1234567890123456789',
  '[NaN, Infinity, -Infinity]',
  '{"a": NaN, "NaN": "NaN", "b": [Infinity]}',
  '[nan, -NaN, Infinit, +Infinity]',
  '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}',
  '{"__proto__": NaN, "toString": 1, "hasOwnProperty": null}',
  '{"__proto__": 1, "__proto__": {"a": 2}}',
  '{"a": 1, "a": NaN, "b": 2, "a": 12345678901234567}',
  '{"00": 512, "11": 488, "a": "b\\n", "c": null, "d": -123456789012345}',
  '{"$float": "NaN", "a": "$b", "c": "\\"$d"}',
  '{"10": 1, "9": 2, "-1": 3, "01": 4, "": 5}',
  '"\\u00e9\\n\\t\\/\\\\\\"\\b\\f\\r"',
  '"\\ud83d\\ude00 \\ud83d \\ude00\\ud83d"',
  '{"\\ud83d\\ude00": 1, "😀": 2, "\\ud800": 3}',
  '"\\u0000\\u001f\\u2028"',
  '"\u2028\u2029\u007f\u00a0"',
  '"\u0001"',
  '"\t"',
  '"\\u12"',
  '"\\x41"',
  '"\\',
  '["a\\\\", "\\"]"]',
  '[1,]',
  '{"a":1,}',
  '[,1]',
  '{"a"}',
  '{a:1}',
  "{'a':1}",
  '[1 2]',
  '[1}',
  '// a\n1',
  '\u00a01',
  '\u2028[]',
  '{"$int": "12345678901234567890123", "a": 1}',
  '{"$int": "5"}',
  '{"$float": "NaN"}',
  '{"\\u0024float": NaN}',
  '{"$unreadable": "x"}',
  '{"$object": {"$object": {"a": NaN}}}',
  '[{"$": 1}, {"$a": {"$b": 12345678901234567890}}]',
  '['.repeat(60) + ']'.repeat(60),
  `${'{"a":['.repeat(40)}NaN${']}'.repeat(40)}`,
  '[[[[[[[[',
]

/** Cells of the files that UnifiedQuantum wrote, where these are there, and texts written by hand. */
export function jsonTexts(t: TestContext): readonly string[] {
  const texts = new Set(WRITTEN)
  for (const name of FIXTURE_NAMES) {
    const database = new Database(copyFixture(t, name))
    const cells = database.prepare('SELECT result_json FROM tasks UNION SELECT metadata_json FROM tasks')
    for (const text of cells.pluck().all() as (string | null)[]) {
      if (text !== null && text.length < 1500) texts.add(text)
    }
    database.close()
  }
  return [...texts]
}

/** What is put into a text, or in the place of a part of it. */
const PIECES: readonly string[] = [
  ...'{}[]",:\\\'0123456789.eE+- \t\n\r\b\0ax$',
  '\\"',
  '\\u',
  '\\ud83d',
  '\\ude00',
  '\ud83d',
  '\ude00',
  '\u00a0',
  '\u2028',
  '\ufeff',
  'NaN',
  '-Infinity',
  'Infinity',
  'null',
  'true',
  '-0',
  '1e999',
  '1234567890123456789012',
  '9007199254740993',
  '"__proto__":',
  '"a":',
  '"$int":',
  '"$float":"NaN"',
  ',"a":1',
  '[[',
  '{"a":{',
]

/** A place in a text, 0 its begin and 1 its end. Not fc.double: most doubles are close to 0. */
export const anyPlace: fc.Arbitrary<number> = fc.integer({ min: 0, max: 2 ** 20 }).map((n) => n / 2 ** 20)

/** Copies of `texts` with up to four pieces put in, taken out, repeated or replaced; some as they are. */
export function mutated(texts: readonly string[]): fc.Arbitrary<string> {
  const mutation = fc.record({
    at: anyPlace,
    removed: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 200 })),
    put: fc.oneof(
      fc.constant(''),
      fc.constantFrom(...PIECES),
      // A part of another text.
      fc
        .tuple(fc.constantFrom(...texts), anyPlace, fc.integer({ min: 1, max: 40 }))
        .map(([text, at, length]) => part(text, at, length)),
    ),
  })
  return fc.tuple(fc.constantFrom(...texts), fc.array(mutation, { maxLength: 4 })).map(([text, mutations]) =>
    mutations.reduce((mutant, { at, removed, put }) => {
      const start = Math.floor(at * (mutant.length + 1))
      return mutant.slice(0, start) + put + mutant.slice(start + removed)
    }, text),
  )
}

function part(text: string, at: number, length: number): string {
  const start = Math.floor(at * text.length)
  return text.slice(start, start + length)
}
