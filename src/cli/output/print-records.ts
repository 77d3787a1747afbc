import { CliError, EXIT } from '../cli-error.ts'
import { escapeText } from './escape-text.ts'
import { csvLine } from './format-csv.ts'
import { isTerminal, print, tell, width } from './print.ts'
import { printJsonArray } from './print-json.ts'
import type { Column } from './table.ts'

/** The forms in which records are printed. */
export const FORMATS = ['table', 'plain', 'csv', 'json'] as const

export interface FormatOptions {
  readonly format?: (typeof FORMATS)[number]
  readonly json?: boolean
}

/** The form that is asked for, or else the one that fits where the output goes. */
export function formatOf({ format, json }: FormatOptions): (typeof FORMATS)[number] {
  if (json && format !== undefined && format !== 'json') {
    throw new CliError(EXIT.misuse, `--json and --format ${format} ask for two forms`, 'give one of them')
  }
  return json ? 'json' : (format ?? (isTerminal() ? 'table' : 'plain'))
}

/** How records are printed. */
export interface Records<Row, Whole> {
  /** The rows in parts, which are read one after the other. */
  readonly parts: () => Iterable<readonly Row[]> | AsyncIterable<readonly Row[]>
  /** What is printed as JSON: more may be read for it. */
  readonly wholes: () => Iterable<Whole> | AsyncIterable<Whole>
  readonly columns: readonly Column<Row>[]
  readonly fields: readonly (keyof Row)[]
  /** Whether there is one part. */
  readonly isWhole?: boolean
  /** What is said to a person where there are none. */
  readonly none: string
}

/** Prints records in a form. */
export async function printRecords<Row, Whole>(
  format: (typeof FORMATS)[number],
  { parts, wholes, columns, fields, isWhole = true, none }: Records<Row, Whole>,
): Promise<void> {
  if (format === 'json') return printJsonArray(wholes())
  const cells = (row: Row) => fields.map((field) => row[field] as string | number | null)
  if (format === 'csv') await print(csvLine(fields as readonly string[]))
  const table = format === 'table' ? await tableOf(columns, isWhole) : undefined
  let count = 0
  for await (const rows of parts()) {
    if (rows.length === 0) continue
    count += rows.length
    const lines = () =>
      rows.map((row) => (format === 'csv' ? csvLine(cells(row)) : plainLine(cells(row)))).join('')
    await print(table === undefined ? lines() : table.render(rows))
  }
  if (count === 0 && format === 'table') tell(none)
}

/** A record on a line, its fields between tabs. */
export function plainLine(cells: readonly (string | number | boolean | null | undefined)[]): string {
  return `${cells.map((cell) => escapeText(String(cell ?? ''))).join('\t')}\n`
}

/** The module that draws tables, which is loaded where there is one. */
export async function tableOf<Row>(columns: readonly Column<Row>[], isWhole = true) {
  const { TextTable } = await import('./table.ts')
  return new TextTable(columns, width(), isWhole)
}
