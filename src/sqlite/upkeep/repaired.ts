/** What a repair did to a row, or why it left it. */
export interface Repaired {
  readonly row: string
  readonly reason?: string
}
