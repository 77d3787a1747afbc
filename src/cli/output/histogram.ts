import stringWidth from 'string-width'
import { colour } from './colour.ts'

/** The most states that are shown unless all are asked for: those that were measured most often. */
const SHOWN = 32

/** The longest bar, in columns. */
const LONGEST = 40

/** The shortest bar for which there is room. */
const SHORTEST = 4

/** The counts of a circuit as lines with bars, that fit a width. */
export function histogram(
  counts: readonly (readonly [bits: string, count: number])[],
  width: number,
  isFull: boolean,
): string {
  const total = counts.reduce((sum, [, count]) => sum + Math.max(0, count), 0)
  const shown = isFull ? counts : mostOften(counts)
  const most = shown.reduce((max, [, count]) => Math.max(max, count), 1)
  const rows = shown.map(([bits, count]) => ({
    bits,
    count: String(count),
    share: total === 0 ? '' : `${((100 * Math.max(0, count)) / total).toFixed(1)} %`,
    part: Math.max(0, count) / most,
  }))
  const columnOf = (field: 'bits' | 'count' | 'share') =>
    Math.max(0, ...rows.map((row) => stringWidth(row[field])))
  const [countWidth, shareWidth] = [columnOf('count'), columnOf('share')]
  const bitsWidth = Math.min(columnOf('bits'), Math.max(8, width - countWidth - shareWidth - 6))
  const room = width - bitsWidth - countWidth - shareWidth - 6
  const bar = room < SHORTEST ? 0 : Math.min(room, LONGEST)
  const lines = rows.map(({ bits, count, share, part }) => {
    const blocks = '█'.repeat(Math.round(part * bar))
    const drawn = blocks === '' ? '' : colour('cyan', blocks)
    const state = bits.length > bitsWidth ? `${bits.slice(0, bitsWidth - 1)}…` : bits.padEnd(bitsWidth)
    return `${state}  ${count.padStart(countWidth)}  ${share.padStart(shareWidth)}  ${drawn}`.trimEnd()
  })
  const left = counts.length - shown.length
  return [...lines, ...(left > 0 ? [`... and ${left} more, which --full shows`] : [])].join('\n')
}

function mostOften(counts: readonly (readonly [string, number])[]) {
  if (counts.length <= SHOWN) return counts
  const least = counts.map(([, count]) => count).sort((a, b) => b - a)[SHOWN - 1] as number
  return counts.filter(([, count]) => count >= least).slice(0, SHOWN)
}
