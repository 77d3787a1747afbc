import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { compile, makeConsumer } from '../support/consumer.ts'
import { temporaryFolder } from '../support/temporary.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const BLOCK = /^([ *]*)```ts\n(.*?)^[ *]*```$/gms

/** Every ts block of a text. In a docstring, what stands before each line is taken away. */
function readExamples(file: string): { name: string; text: string }[] {
  const content = readFileSync(join(ROOT, file), 'utf8')
  return [...content.matchAll(BLOCK)].map(([, margin = '', body = ''], index) => ({
    name: `${file.replace(/\W/g, '-')}-${index + 1}`,
    text: margin === '' ? body : body.replace(/^ *\* ?/gm, ''),
  }))
}

const sources = ['src', 'drizzle'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`),
)
const examples = ['README.md', ...sources].flatMap(readExamples)

test('the examples of the README and of the docstrings compile and run', async (t) => {
  assert.ok(examples.some(({ name }) => name.startsWith('README')))
  assert.ok(examples.some(({ name }) => name.startsWith('src-task-store')))
  assert.ok(examples.some(({ name }) => name.startsWith('src-task-persistence')))
  const folder = temporaryFolder(t)
  makeConsumer(folder)
  for (const { name, text } of examples) writeFileSync(join(folder, `${name}.ts`), `${text}\nexport {}\n`)
  compile(folder)
  for (const { name } of examples) {
    await t.test(name, () => {
      execFileSync(process.execPath, [`out/${name}.js`], {
        cwd: folder,
        env: { ...process.env, UNIQC_CACHE_DIR: join(folder, 'cache') },
        stdio: 'pipe',
      })
    })
  }
})

test('the quickstart runs, and says where the file is', () => {
  const output = execFileSync(process.execPath, ['--import', 'tsx', 'test/quickstart/quickstart.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  assert.match(output, /^59 tasks that UnifiedQuantum wrote/)
  assert.match(output, /platform: 'originq:WK_C180'/)
  assert.match(output, /success: 29/)
  assert.match(output, /The file: .*tasks\.sqlite/)
})
