/** Figures by what was measured. */
export type Times = Readonly<Record<string, number>>

/** One row for each thing that was measured, one column for each that did it. */
export interface Table {
  readonly title: string
  readonly unit: string
  readonly columns: Readonly<Record<string, Times>>
  /** How it was measured, or why it was not. */
  readonly note?: string
}

/** What one run of the benchmarks found. */
export interface Results {
  readonly versions: Readonly<Record<string, string>>
  readonly quick: boolean
  readonly results: Readonly<Record<string, Omit<Table, 'title'>>>
}

/** What it was measured with, on one line. */
export function showVersions(versions: Results['versions']): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join('; ')
}

/** A table in Markdown. Behind each figure stands its ratio to the first column. */
export function showTable({ title, unit, columns, note }: Table): string {
  const names = Object.keys(columns)
  const [limit = ''] = names
  const rows = [...new Set(Object.values(columns).flatMap(Object.keys))].map((what) => {
    const first = columns[limit]?.[what]
    const cells = names.map((name) => {
      const time = columns[name]?.[what]
      if (time === undefined) return ''
      const isLimit = name === limit || first === undefined
      return isLimit ? show(time) : `${show(time)} (${(time / first).toFixed(2)})`
    })
    return `| ${what} | ${cells.join(' | ')} |`
  })
  const head = [`### ${title}${unit && ` (${unit})`}`, '', ...(note === undefined ? [] : [note, ''])]
  if (rows.length === 0) return head.join('\n').trimEnd()
  return [...head, `| | ${names.join(' | ')} |`, `|---|${names.map(() => '--:|').join('')}`, ...rows].join(
    '\n',
  )
}

const show = (time: number) => (time < 10 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : time.toFixed(0))
