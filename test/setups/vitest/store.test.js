import { afterEach, test, vi } from 'vitest'
import { useStore } from './fake-timers.js'

afterEach(() => vi.useRealTimers())

test('the program runs', () => import('./program.js'))

test('a store in a thread works', async () => (await import('./in-thread.js')).done)

test('a locked file is LOCKED after its timeout under fake timers, and stamps follow the time that is set', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'Date', 'performance', 'hrtime'], now: Date.UTC(2026, 4, 1) })
  useStore()
})
