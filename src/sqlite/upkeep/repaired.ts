/** What one kind of repair did to rows. */
export interface Repaired {
  readonly repaired: string[]
  readonly unrepaired: string[]
  /** Why the unrepaired rows were not repaired. */
  readonly reason: string
}
