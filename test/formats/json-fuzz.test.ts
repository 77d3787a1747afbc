import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test, { type TestContext } from 'node:test'
import fc from 'fast-check'
import { parseJson } from '../../drizzle/json/read.ts'
import { splitArray, splitObject } from '../../drizzle/json/text.ts'
import type { JsonValue } from '../../drizzle/json/value.ts'
import { stringifyJson } from '../../drizzle/json/write.ts'
import { fromStrictJson, toStrictJson } from '../../src/formats/strict-json.ts'
import { jsonTexts, mutated } from '../support/json-texts.ts'
import { needsPython } from '../support/processes.ts'

/** A value that was read, or why none was. */
type Reading = { readonly value: JsonValue } | { readonly error: unknown }

function read(text: string): Reading {
  try {
    return { value: parseJson(text) }
  } catch (error) {
    return { error }
  }
}

/** Puts every mutant that can be read, and its value, to a check. Most mutants cannot be read, so they are many. */
function checkReadable(t: TestContext, check: (text: string, value: JsonValue) => void): void {
  let readable = 0
  fc.assert(
    fc.property(mutated(jsonTexts(t)), (text) => {
      const reading = read(text)
      if ('error' in reading) return
      readable++
      check(text, reading.value)
    }),
    { numRuns: 5000 },
  )
  assert.ok(readable > 500, `only ${readable} mutants could be read`)
}

test('unreadable text is a SyntaxError, and JSON.parse cannot read it either', (t) => {
  let refused = 0
  fc.assert(
    fc.property(mutated(jsonTexts(t)), (text) => {
      const reading = read(text)
      if ('value' in reading) return
      refused++
      assert.ok(reading.error instanceof SyntaxError)
      assert.throws(() => JSON.parse(text), SyntaxError)
    }),
    { numRuns: 5000 },
  )
  assert.ok(refused > 500, `only ${refused} mutants were refused`)
})

test('text that JSON.parse reads without rounding an integer reads the same', (t) => {
  checkReadable(t, (text, value) => {
    let byEverybody: unknown
    try {
      byEverybody = JSON.parse(text)
    } catch {
      return
    }
    const isRounded = (item: unknown): boolean =>
      typeof item === 'bigint' || (typeof item === 'object' && Object.values(item ?? {}).some(isRounded))
    if (!isRounded(value)) assert.deepStrictEqual(value, byEverybody)
  })
})

test('a value that was read is written as text that reads back equal', (t) => {
  checkReadable(t, (_text, value) => {
    const written = stringifyJson(value)
    assert.deepStrictEqual(parseJson(written), value)
    assert.equal(stringifyJson(parseJson(written)), written)
  })
})

test('the text of an object or array splits into the texts of exactly what it holds', (t) => {
  checkReadable(t, (text, value) => {
    if (typeof value !== 'object' || value === null) return
    if (Array.isArray(value)) {
      const items = splitArray(text)
      assert.deepStrictEqual(items.map(parseJson), value)
      for (const item of items) assert.equal(item, item.trim())
      return
    }
    const members = splitObject(text)
    assert.deepStrictEqual(new Set(members.keys()), new Set(Object.keys(value)))
    for (const [key, member] of members) {
      assert.deepStrictEqual(parseJson(member), value[key])
      assert.equal(member, member.trim())
    }
  })
})

test('an exported cell is strict JSON on one line, and is imported with the same value', (t) => {
  checkReadable(t, (text, value) => {
    const strict = toStrictJson(text)
    assert.doesNotMatch(strict, /[\r\n]/)
    JSON.parse(strict)
    const restored = fromStrictJson(strict)
    assert.deepStrictEqual(parseJson(restored), value)
    assert.equal(toStrictJson(restored), strict)
  })
})

test('an unreadable exported cell is imported character for character', (t) => {
  let unreadable = 0
  fc.assert(
    fc.property(mutated(jsonTexts(t)), (text) => {
      const strict = toStrictJson(text)
      assert.doesNotMatch(strict, /[\r\n]/)
      JSON.parse(strict)
      if ('value' in read(text)) return
      unreadable++
      assert.equal(fromStrictJson(strict), text)
    }),
    { numRuns: 5000 },
  )
  assert.ok(unreadable > 500, `only ${unreadable} mutants could not be read`)
})

// Three things are Python's own:
// - It refuses integers of more than 4300 digits; here it is told not to.
// - It has no integer -0: here it reads that as the float, as JavaScript does.
// - Its texts are code points: two halves of a pair that stand side by side, of which one is escaped, are two to
//   it and one here. Both write UTF-16, and two keys that are the same in it are one.
// A whole float within the safe range is an integer here, so both count as the same number.
const PROGRAM = `
import json, struct, sys
sys.set_int_max_str_digits(0)
def utf16(text): return text.encode('utf-16-be', 'surrogatepass').hex()
def number(value): return 'n' + ('nan' if value != value else struct.pack('>d', value).hex())
def canonical(value):
    if value is None or isinstance(value, bool): return value
    if isinstance(value, str): return 's' + utf16(value)
    if isinstance(value, int): return number(float(value)) if abs(value) < 2 ** 53 else 'i' + str(value)
    if isinstance(value, float): return number(value)
    if isinstance(value, list): return [canonical(item) for item in value]
    return ['object', sorted([key, item] for key, item in {utf16(k): canonical(v) for k, v in value.items()}.items())]
def read(text): return json.loads(text, parse_int=lambda digits: -0.0 if digits == '-0' else int(digits))
for line in sys.stdin:
    try: value = read(json.loads(line))
    except ValueError: answer = 'null'
    except RecursionError: answer = '"too deep"'
    else:
        # Walking over a value takes more of the stack than reading it.
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(10 * limit)
        answer = json.dumps([canonical(value), json.dumps(value)])
        sys.setrecursionlimit(limit)
    sys.stdout.write(answer + chr(10))
`

/** What Python's json says of each text: null where it refuses it, else its value and how it writes that. */
function askPython(texts: readonly string[]): (readonly [canonical: unknown, written: string] | null)[] {
  const output = execFileSync('python3', ['-c', PROGRAM], {
    input: texts.map((text) => `${JSON.stringify(text)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  })
  const answers = output.trimEnd().split('\n')
  assert.equal(answers.length, texts.length)
  return answers.map((answer) => JSON.parse(answer))
}

function canonical(value: JsonValue): unknown {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return `s${utf16(value)}`
  if (typeof value === 'bigint') return `i${value}`
  if (typeof value === 'number') return `n${Number.isNaN(value) ? 'nan' : double(value)}`
  if (Array.isArray(value)) return value.map(canonical)
  const members = Object.entries(value).map(([key, item]) => [utf16(key), canonical(item)] as const)
  return ['object', members.sort(([a], [b]) => (a < b ? -1 : 1))]
}

function utf16(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex')
}

function double(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}

test(
  "Python's json reads and refuses the same texts, and each side reads what the other writes",
  needsPython,
  (t) => {
    const seed = Date.now() % 2 ** 31
    const texts = fc.sample(mutated(jsonTexts(t)), { numRuns: 20_000, seed })
    const readings = texts.map(read)
    const answers = askPython(texts)
    const toWrite: JsonValue[] = []
    let refused = 0
    for (const [index, text] of texts.entries()) {
      const reading = readings[index] as Reading
      const answer = answers[index] ?? null
      const message = `seed ${seed}: ${JSON.stringify(text)}`
      if ('error' in reading) {
        assert.equal(answer, null, message)
        refused++
        continue
      }
      assert.ok(answer, message)
      assert.deepStrictEqual(canonical(reading.value), answer[0], message)
      assert.deepStrictEqual(parseJson(answer[1]), reading.value, message)
      toWrite.push(reading.value)
    }
    assert.ok(refused > 2000 && toWrite.length > 2000, `seed ${seed}: ${refused} of ${texts.length} refused`)
    for (const [index, answer] of askPython(toWrite.map(stringifyJson)).entries()) {
      assert.deepStrictEqual(answer?.[0], canonical(toWrite[index] as JsonValue), `seed ${seed}`)
    }
  },
)

test('Python refuses text nested too deeply for it, and reads integers of any length', needsPython, () => {
  const deep = `${'['.repeat(900)}NaN${']'.repeat(900)}`
  const tooDeep = `${'['.repeat(5000)}${']'.repeat(5000)}`
  const long = '7'.repeat(6000)
  const [first, second, third] = askPython([deep, tooDeep, long])
  assert.deepStrictEqual(first?.[0], canonical(parseJson(deep)))
  assert.equal(second, 'too deep')
  assert.doesNotThrow(() => parseJson(tooDeep))
  assert.deepStrictEqual(third?.[0], canonical(parseJson(long)))
})
