import { jest } from '@jest/globals'
import { useStore } from './fake-timers.js'

afterEach(() => jest.useRealTimers())

test('the program runs', () => import('./program.js'))

test('a locked file is LOCKED after its timeout under fake timers, and stamps follow the time that is set', () => {
  jest.useFakeTimers({ now: Date.UTC(2026, 4, 1) })
  useStore()
})
