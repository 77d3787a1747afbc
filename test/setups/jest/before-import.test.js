import { jest } from '@jest/globals'

jest.useFakeTimers({ now: Date.UTC(2026, 4, 1) })

test('fake timers that were on before the package was imported change nothing', async () => {
  const { useStore } = await import('./fake-timers.js')
  useStore()
})
