import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import test from 'node:test'
import { compile, makeConsumer } from '../support/consumer.ts'
import { needsPostgres, sharedServer } from '../support/postgres.ts'
import { temporaryFolder } from '../support/temporary.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** A block that runs, and the text block right after it, which is what it prints. */
const BLOCK = /^([ *]*)```(ts|js|cjs)\n(.*?)^[ *]*```$(?:\n+```text\n(.*?)^```$)?/gms
/** Any other word would keep an example from being run. */
const LANGUAGES = ['ts', 'js', 'cjs', 'text', 'sh', 'json']

interface Example {
  readonly name: string
  readonly language: string
  readonly text: string
  /** Undefined where the page does not show any. */
  readonly output: string | undefined
}

/** Every example of a file. In a docstring, what stands before each line is taken away. */
function readExamples(file: string): Example[] {
  return [...read(file).matchAll(BLOCK)].map(([, margin = '', language = '', body = '', output], index) => ({
    name: `${file.replace(/\W/g, '-')}-${index + 1}`,
    language,
    text: margin === '' ? body : body.replace(/^ *\* ?/gm, ''),
    output,
  }))
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)]
const sources = ['src', 'drizzle'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`),
)
const examples = [...pages, ...sources].flatMap(readExamples)

test('the examples of README, docs and docstrings compile, run and print what stands after them', async (t) => {
  for (const start of ['README', 'docs-concepts', 'docs-team', 'src-task-store', 'src-task-persistence']) {
    assert.ok(
      examples.some(({ name }) => name.startsWith(start)),
      `no example in ${start}`,
    )
  }
  const folder = temporaryFolder(t)
  makeConsumer(folder, 'pg')
  for (const { name, language, text } of examples) {
    writeFileSync(join(folder, `${name}.${language}`), language === 'ts' ? `${text}\nexport {}\n` : text)
  }
  compile(folder)
  for (const { name, language, text, output } of examples) {
    const isOfTeam = text.includes('uniqc-task-store/postgres')
    await t.test(name, isOfTeam ? needsPostgres : {}, async () => {
      const url = isOfTeam ? (await sharedServer()).url : ''
      const program = join(folder, language === 'ts' ? `out/${name}.js` : `${name}.${language}`)
      const printed = run(program, join(folder, 'runs', name), url)
      if (output !== undefined) assert.equal(printed, output)
    })
  }
})

/** Runs a program in a folder of its own, where it finds neither a file of this user nor one of another example. */
function run(program: string, folder: string, databaseUrl: string): string {
  mkdirSync(folder, { recursive: true })
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return execFileSync(process.execPath, ['--no-warnings', program], {
    cwd: folder,
    env: {
      ...env,
      ...{ HOME: folder, USERPROFILE: folder, TMPDIR: folder, TEMP: folder, TMP: folder },
      UNIQC_CACHE_DIR: join(folder, 'cache'),
      DATABASE_URL: databaseUrl,
    },
    encoding: 'utf8',
    stdio: 'pipe',
  })
}

test('every block of the pages says its language, and whether it runs', () => {
  for (const page of pages) {
    const fences = [...read(page).matchAll(/^ *```(.*)$/gm)].map(([, language]) => language)
    assert.equal(fences.length % 2, 0, `${page}: a block without an end`)
    for (const language of fences.filter((_, index) => index % 2 === 0)) {
      assert.ok(LANGUAGES.includes(language ?? ''), `${page}: a block of ${JSON.stringify(language)}`)
    }
  }
})

test('every link of the pages leads to a file and a heading that are there', () => {
  for (const page of [...pages, 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']) {
    for (const [, link = ''] of read(page).matchAll(/\]\((?!\w+:)([^)]+)\)/g)) {
      const [path = '', heading] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      assert.ok(existsSync(join(ROOT, target)), `${page}: ${link}`)
      if (heading !== undefined) assert.ok(headings(target).includes(heading), `${page}: ${link}`)
    }
  }
})

/** The headings of a page, as a link names them. */
function headings(page: string): string[] {
  const prose = read(page).replace(/^```.*?^```$/gms, '')
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
}

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
