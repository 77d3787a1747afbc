/**
 * Whether the text that `JSON.stringify` writes reads back as this number. NaN and the infinities fail the comparisons; a
 * whole number beyond 2^53-1 would read back as a bigint, and -0 as 0.
 */
export function isPlainNumber(value: number): boolean {
  return (
    value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER && (value !== 0 || 1 / value > 0)
  )
}
