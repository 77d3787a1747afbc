/** The number that a share of the others, from 0 to 1, does not exceed. */
export function percentile(numbers: readonly number[], share: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * share)] ?? Number.NaN
}

export const median = (numbers: readonly number[]) => percentile(numbers, 0.5)
