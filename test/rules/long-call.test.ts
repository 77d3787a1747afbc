import assert from 'node:assert/strict'
import test from 'node:test'
import { type LongCallOptions, readLongCall, stepOf, type TaskProgress } from '../../src/rules/long-call.ts'
import { isMisuseOf } from '../support/rule-errors.ts'

type Options = LongCallOptions<TaskProgress>

const REFUSED: readonly (readonly [title: string, options: unknown, word: string])[] = [
  ['null', null, 'options'],
  ['an unknown option', { progress: () => 1 }, 'progress'],
  ['onProgress: null', { onProgress: null }, 'onProgress'],
  ['onProgress: "log"', { onProgress: 'log' }, 'onProgress'],
  ['signal: null', { signal: null }, 'signal'],
  ['an object like a signal', { signal: { aborted: false, throwIfAborted: () => 1 } }, 'signal'],
  ['an AbortController', { signal: new AbortController() }, 'signal'],
]
for (const [title, options, word] of REFUSED) {
  test(`${title} for the options of a long call is a TypeError that names it`, () => {
    assert.throws(() => readLongCall(options as Options), isMisuseOf(word))
  })
}

test('what is no signal is told what one is', () => {
  assert.throws(() => readLongCall({ signal: 1 as never }), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /an AbortSignal/,
  })
})

test('a long call needs no options', () => {
  assert.deepEqual(readLongCall(undefined), { onProgress: undefined, signal: undefined })
  const given: Options = { onProgress: () => 1, signal: new AbortController().signal }
  assert.deepEqual(readLongCall(given), given)
})

test('a step tells how far the call is, and tells nothing where nothing is given', () => {
  const told: TaskProgress[] = []
  const step = stepOf<TaskProgress>({ onProgress: (progress) => told.push(progress) })
  step()
  step({ done: 1 })
  step()
  step({ done: 2, total: 2 })
  assert.deepEqual(told, [{ done: 1 }, { done: 2, total: 2 }])
})

test('a step needs nobody to tell', () => {
  stepOf<TaskProgress>({})({ done: 1 })
})

test('a call with a signal that is aborted already throws its reason before its first step', () => {
  assert.throws(
    () => stepOf({ signal: AbortSignal.abort('enough') }),
    (reason) => reason === 'enough',
  )
})

test('a step after an abort tells how far the call is, and throws the reason', () => {
  const controller = new AbortController()
  const told: TaskProgress[] = []
  const onProgress = (progress: TaskProgress) => {
    told.push(progress)
    controller.abort('enough')
  }
  const step = stepOf<TaskProgress>({ onProgress, signal: controller.signal })
  assert.throws(
    () => step({ done: 1 }),
    (reason) => reason === 'enough',
  )
  assert.throws(
    () => step(),
    (reason) => reason === 'enough',
  )
  assert.deepEqual(told, [{ done: 1 }])
})

test('what onProgress throws ends the call', () => {
  const onProgress = () => {
    throw new Error('no room')
  }
  assert.throws(() => stepOf<TaskProgress>({ onProgress })({ done: 1 }), /no room/)
})
