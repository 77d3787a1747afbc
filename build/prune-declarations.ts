import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** A statement of a declaration file, with the comment before it. */
interface Statement {
  readonly text: string
  readonly isExport: boolean
  /** The names that it declares or brings in. */
  readonly names: readonly string[]
  /** For an import or a re-export, the file that it names, and each name as it is written there. */
  readonly from: string | undefined
  readonly items: ReadonlyMap<string, string>
}

/**
 * Takes out of the declarations that tsc wrote whatever no entry leads to: types of what is only used inside would lead a
 * reader astray.
 *
 * @param entries The files whose exports are public.
 */
export function pruneDeclarations(dist: string, entries: readonly string[]): void {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => name.replaceAll('\\', '/'))
  const parsed = new Map(files.map((file) => [file, parse(readFileSync(join(dist, file), 'utf8'))]))
  const used = new Map<Statement, Set<string>>()

  const use = (file: string, name: string) => {
    for (const statement of parsed.get(file) ?? []) {
      const names = used.get(statement) ?? new Set()
      if (!statement.names.includes(name) || names.has(name)) continue
      used.set(statement, names.add(name))
      if (statement.from === undefined) {
        for (const word of wordsOf(statement.text)) use(file, word)
      } else if (statement.from.startsWith('.')) {
        const target = posix.join(posix.dirname(file), statement.from.replace(/\.(ts|js)$/, '.d.ts'))
        use(
          target,
          statement.items
            .get(name)
            ?.replace(/^type /, '')
            .split(' as ')[0] ?? name,
        )
      }
    }
  }
  for (const entry of entries) {
    for (const { isExport, names } of parsed.get(entry) ?? []) {
      if (isExport) for (const name of names) use(entry, name)
    }
  }

  for (const [file, statements] of parsed) {
    const kept = statements.filter((statement) => used.has(statement))
    const texts = kept.map((statement) => only(statement, used.get(statement) ?? new Set()))
    if (texts.length === 0) rmSync(join(dist, file))
    else writeFileSync(join(dist, file), `${texts.join('\n')}\n`)
  }
}

/** An import or a re-export of some of its names; any other statement whole. */
function only({ text, from, items }: Statement, names: ReadonlySet<string>): string {
  if (from === undefined) return text
  const list = [...items].filter(([name]) => names.has(name)).map(([, item]) => item)
  return text.replace(/\{.*\}/s, `{ ${list.join(', ')} }`)
}

/** tsc begins each statement at the start of a line with one of these words, and no other line. */
const BEGINS = /^(?:import|export|declare|interface|type|abstract) /
/** A comment that reaches to the end of a text. */
const LAST_COMMENT = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n$/

function parse(text: string): Statement[] {
  const wholes: string[] = []
  let whole = ''
  for (const line of text.split('\n')) {
    if (BEGINS.test(line)) {
      const comment = LAST_COMMENT.exec(whole)?.[0] ?? ''
      wholes.push(whole.slice(0, whole.length - comment.length))
      whole = comment
    }
    whole += `${line}\n`
  }
  wholes.push(whole)
  return wholes.flatMap((statement) => parseStatement(statement.trim()) ?? [])
}

const NAMES_A_FILE = /^(?:import|export) (?:type )?\{(.*)\} from ['"](.+)['"];?$/s
const DECLARES =
  /^(?:export )?(?:declare )?(?:abstract )?(?:const|let|function|class|interface|type|enum) ([\w$]+)/

function parseStatement(text: string): Statement | undefined {
  const code = withoutComments(text).trim()
  if (code === '' || code === 'export {};') return undefined
  const isExport = code.startsWith('export ')
  const [, list, from] = NAMES_A_FILE.exec(code) ?? []
  if (list !== undefined) {
    const items = list.split(',').flatMap((item) => item.trim() || [])
    const byName = new Map(
      items.map((item) => [
        item
          .replace(/^type /, '')
          .split(' as ')
          .at(-1) ?? '',
        item,
      ]),
    )
    return { text, isExport, names: [...byName.keys()], from, items: byName }
  }
  const [, name] = DECLARES.exec(code) ?? []
  if (name === undefined) throw new Error(`a declaration of an unknown kind: ${code}`)
  // Who reads it cannot call it.
  const internal = /\/\*\* @internal \*\/\s*constructor\(.*\);/g
  const declared = text.replace(internal, 'private constructor();')
  return { text: declared, isExport, names: [name], from: undefined, items: new Map() }
}

const wordsOf = (text: string) => new Set(withoutComments(text).match(/[\w$]+/g))
const withoutComments = (text: string) => text.replace(/\/\*.*?\*\//gs, '')
