import { escapeText } from './escape-text.ts'

/** What a spreadsheet takes for a formula. */
const FORMULA = /^[=+\-@]/

/**
 * A line of CSV. A text that a spreadsheet would take for a formula begins with a ', which makes it text there; numbers
 * stay numbers.
 */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

function csvCell(cell: string | number | null): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = escapeText(cell)
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",]|^[ ']|[ ]$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
