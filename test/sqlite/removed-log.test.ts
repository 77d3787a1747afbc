import assert from 'node:assert/strict'
import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { TaskStore } from 'uniqc-task-store'
import { runModule } from '../support/processes.ts'
import { assertSound } from '../support/sound-file.ts'
import { temporaryFile, temporaryFolder } from '../support/temporary.ts'

const TASK = { backend: 'originq:WK_C180', status: 'running' } as const

/** Longer than a store takes to look at its log again. */
const LOOKED = 1050

const LIST = `
  import { TaskStore } from 'uniqc-task-store'
  using store = new TaskStore({ file: process.argv[1] })
  console.log(store.list().map(({ taskId }) => taskId).sort().join())
`.replace('using', 'const')

for (const endings of [['-wal'], ['-wal', '-shm']]) {
  for (const how of ['read', 'write'] as const) {
    test(`a store whose ${endings.join(' and ')} were removed notices by a ${how}, and keeps what it saved`, async (t) => {
      const file = temporaryFile(t)
      const link = join(temporaryFolder(t), 'link.sqlite')
      symlinkSync(file, link)
      using store = new TaskStore({ file: link })
      store.save({ ...TASK, taskId: 'a' })
      for (const ending of endings) rmSync(file + ending)
      store.save({ ...TASK, taskId: 'b' })
      await setTimeout(LOOKED)
      if (how === 'read') assert.equal(store.get('a')?.status, 'running')
      store.save({ ...TASK, taskId: 'c' })
      assert.equal((await runModule(LIST, file)).trim(), 'a,b,c')
      store.save({ ...TASK, taskId: 'd' })
      assert.equal((await runModule(LIST, file)).trim(), 'a,b,c,d')
      store.close()
      assertSound(file)
    })
  }
}
