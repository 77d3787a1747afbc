import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

test('the page on servers shows the programs that the setups run', () => {
  for (const name of ['fastify.js', 'hono.js']) {
    assert.ok(
      read('docs/servers.md').includes(`\`\`\`text\n${read(`test/setups/servers/${name}`)}\`\`\`\n`),
      name,
    )
  }
})
