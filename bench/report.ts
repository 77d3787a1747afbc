/** Figures by what was measured. */
export type Times = Readonly<Record<string, number>>

/** One row for each thing that was measured, one column for each that did it. */
export interface Table {
  readonly title: string
  readonly unit: string
  readonly columns: Readonly<Record<string, Times>>
  /** The column that the others are compared with. Default: the first. */
  readonly reference?: string
  /** How it was measured, or why it was not. */
  readonly note?: string
}

/** A table of a suite. */
export interface SuiteTable extends Omit<Table, 'title'> {
  readonly suite: string
}

/** What one run of the benchmarks found. */
export interface Results {
  readonly versions: Readonly<Record<string, string>>
  readonly quick: boolean
  /** By title. */
  readonly results: Readonly<Record<string, SuiteTable>>
}

/** What a run was measured with, on one line. */
export function showVersions({ versions, quick }: Results): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [...named, ...(quick ? ['a quick run'] : [])].join('; ')
}

/**
 * A table in Markdown, with the columns of several runs side by side. After each figure stands its ratio to that of the
 * column that is compared with, of the same run.
 */
export function showTable(runs: readonly Results[], title: string): string {
  const tables = runs.flatMap(({ results, versions }) => {
    const table = results[title]
    return table === undefined ? [] : [{ ...table, node: versions.node?.split('.')[0] }]
  })
  const columns = tables.flatMap((table) => {
    const [first = ''] = Object.keys(table.columns)
    const limit = table.columns[table.reference ?? first]
    return Object.entries(table.columns).map(([name, times]) => ({
      name: runs.length > 1 ? `${name}, Node ${table.node}` : name,
      times,
      limit: times === limit ? undefined : limit,
    }))
  })
  const rows = [...new Set(columns.flatMap(({ times }) => Object.keys(times)))].map((what) => {
    const cells = columns.map(({ times, limit }) => showCell(times[what], limit?.[what]))
    return `| ${what} | ${cells.join(' | ')} |`
  })
  const unit = tables[0]?.unit ? ` (${tables[0].unit})` : ''
  const notes = new Set(tables.flatMap(({ note }) => (note === undefined ? [] : [note])))
  const head = `| | ${columns.map(({ name }) => name).join(' | ')} |\n|---|${'--:|'.repeat(columns.length)}`
  return [
    `### ${title}${unit}`,
    ...notes,
    ...(rows.length === 0 ? [] : [`${head}\n${rows.join('\n')}`]),
  ].join('\n\n')
}

function showCell(time: number | undefined, limit: number | undefined): string {
  if (time === undefined) return ''
  return limit === undefined ? show(time) : `${show(time)} (${(time / limit).toFixed(2)})`
}

const show = (time: number) => (time < 10 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : time.toFixed(0))
