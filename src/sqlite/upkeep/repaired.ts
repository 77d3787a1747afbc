/** What one kind of repair did to rows. */
export interface Repaired {
  readonly repaired: string[]
  readonly unrepaired: string[]
  /** Why the unrepaired ones are. */
  readonly reason: string
}
