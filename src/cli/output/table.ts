import Table from 'cli-table3'
import stringWidth from 'string-width'
import { type Colour, colour } from './colour.ts'

/** A column of a table at a terminal. */
export interface Column<Row> {
  readonly title: string
  /** Its text, in which a terminal finds nothing to obey. */
  readonly cell: (row: Row) => string
  readonly colour?: (row: Row) => Colour
  readonly isRight?: boolean
  /** How narrow it may become, where the terminal is; it keeps its width if this is left out. */
  readonly least?: number
  /** Left out where the terminal is still too narrow: the highest number goes first. Never if this is left out. */
  readonly spare?: number
  /** Shortens a cell. By default it is cut, and ends in an ellipsis. */
  readonly shorten?: (text: string, width: number) => string
}

const GAP = 2

interface Fitted<Row> {
  readonly column: Column<Row>
  width: number
}

const NOTHING = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' },
  ...{ 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '' },
  ...{ 'right-mid': '', middle: '' },
}

/** Rows as aligned columns that fit a width, without a frame. The columns keep their widths from call to call. */
export class TextTable<Row> {
  readonly #columns: readonly Column<Row>[]
  readonly #width: number
  readonly #isWhole: boolean
  #fitted: readonly Fitted<Row>[] | undefined

  /** @param isWhole Whether all rows come at once: a column that is empty in all of them is left out. */
  constructor(columns: readonly Column<Row>[], width: number, isWhole = true) {
    this.#columns = columns
    this.#width = width
    this.#isWhole = isWhole
  }

  /** The titles of the columns, fitted to these rows and shown above them the first time, and the rows. */
  render(rows: readonly Row[]): string {
    const isFirst = this.#fitted === undefined
    const isShown = (column: Column<Row>) => !this.#isWhole || rows.some((row) => column.cell(row) !== '')
    this.#fitted ??= fit(this.#columns.filter(isShown), rows, this.#width)
    const columns = this.#fitted
    const table = new Table({
      chars: NOTHING,
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
      colWidths: columns.map(({ width }) => width + GAP),
      colAligns: columns.map(({ column }) => (column.isRight ? 'right' : 'left')),
      truncate: '…',
    })
    if (isFirst) table.push(columns.map(({ column }) => colour('bold', column.title)))
    for (const row of rows) {
      table.push(
        columns.map(({ column, width }) => {
          const text = shortened(column, column.cell(row), width)
          return column.colour === undefined ? text : colour(column.colour(row), text)
        }),
      )
    }
    return table.length === 0 ? '' : `${table.toString().replace(/[ ]+$/gm, '')}\n`
  }
}

function shortened<Row>({ shorten }: Column<Row>, text: string, width: number): string {
  return shorten !== undefined && stringWidth(text) > width ? shorten(text, width) : text
}

/** Which columns fit a width, and how wide each is. */
function fit<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): Fitted<Row>[] {
  let kept: Fitted<Row>[] = columns.map((column) => {
    const widths = rows.map((row) => stringWidth(column.cell(row)))
    return { column, width: widths.reduce((a, b) => Math.max(a, b), stringWidth(column.title)) }
  })
  const leastOf = ({ column, width }: Fitted<Row>) => Math.min(width, column.least ?? width)
  const sum = (of: (fitted: Fitted<Row>) => number) =>
    kept.reduce((total, fitted) => total + of(fitted) + GAP, -GAP)
  for (;;) {
    const spare = Math.max(...kept.map(({ column }) => column.spare ?? 0))
    if (sum(leastOf) <= width || spare === 0) break
    kept = kept.filter(({ column }) => column.spare !== spare)
  }
  let excess = sum((fitted) => fitted.width) - width
  // What stays clear when it is short gives way first, then the last columns.
  const order = kept.toReversed().toSorted((a, b) => Number(!a.column.shorten) - Number(!b.column.shorten))
  for (const fitted of order) {
    const given = Math.max(0, Math.min(excess, fitted.width - leastOf(fitted)))
    fitted.width -= given
    excess -= given
  }
  return kept
}
