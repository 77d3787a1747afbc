/** Whether a value holds a lone surrogate, which UnifiedQuantum could not write back. */
export function holdsLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed()
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).flat().some(holdsLoneSurrogate)
}
