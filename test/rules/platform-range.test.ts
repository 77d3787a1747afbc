import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { isOfPlatform, platformRange } from '../../src/rules/platform-range.ts'

const BACKENDS: readonly (readonly [backend: string, platform: string, isOf: boolean])[] = [
  ['originq2', 'originq', false],
  ['originq2:WK_C180', 'originq', false],
  ['originq-WK_C180', 'originq', false],
  ['originq;', 'originq', false],
  ['originq9', 'originq', false],
  ['origin', 'originq', false],
  ['OriginQ', 'originq', false],
  ['my:originq:WK_C180', 'originq', false],
  ['', 'originq', false],
  ['originq', 'originq:WK_C180', false],
  ['originq', '', false],
  ['originq', 'originq', true],
  ['originq:', 'originq', true],
  ['originq:WK_C180', 'originq', true],
  ['originq:\u{10ffff}', 'originq', true],
  ['originq:WK:C180', 'originq:WK', true],
  ['本源:悟空', '本源', true],
  ['', '', true],
  [':WK_C180', '', true],
]

const isInRange = (backend: string, { platform, from, to }: ReturnType<typeof platformRange>) =>
  backend === platform || (backend >= from && backend < to)

for (const [backend, platform, isOf] of BACKENDS) {
  test(`the backend "${backend}" is ${isOf ? 'of' : 'not of'} the platform "${platform}"`, () => {
    assert.equal(isOfPlatform(backend, platform), isOf)
    assert.equal(isInRange(backend, platformRange(platform)), isOf)
  })
}

test('if no platform is asked for, every backend belongs to it', () => {
  for (const [backend] of BACKENDS) assert.equal(isOfPlatform(backend, undefined), true)
})

test('the range of a platform holds its backends and no others', () => {
  const anyPlatform = fc.string({ unit: fc.constantFrom('a', '9', ':', ';', '<', 'é'), maxLength: 3 })
  const anyBackend = fc.oneof(
    anyPlatform,
    fc.tuple(anyPlatform, anyPlatform).map(([platform, chip]) => `${platform}:${chip}`),
  )
  fc.assert(
    fc.property(anyBackend, anyPlatform, (backend, platform) => {
      assert.equal(isInRange(backend, platformRange(platform)), isOfPlatform(backend, platform))
    }),
    { numRuns: 300 },
  )
})
