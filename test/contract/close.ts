import test from 'node:test'
import type { OpenStore } from '../support/any-store.ts'
import { RUNNING } from '../support/store.ts'
import { throws } from '../support/throws.ts'

export function closeContract(open: OpenStore): void {
  test('a closed store throws CLOSED, and closing it again does nothing', async (t) => {
    const store = await open(t)
    await store.close()
    await store.close()
    for (const call of [
      () => store.get('a'),
      () => store.save(RUNNING),
      () => store.list(),
      () => store.transaction(() => 1),
    ]) {
      await throws(call, { code: 'CLOSED' })
    }
  })
}
