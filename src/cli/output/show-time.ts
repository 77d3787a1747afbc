const UNITS: readonly (readonly [milliseconds: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
]

/** A stored time in the zone of this machine; as it is if it cannot be read. */
export function localTime(time: string): string {
  const moment = new Date(time)
  if (Number.isNaN(moment.getTime())) return time
  const two = (number: number) => String(number).padStart(2, '0')
  const date = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join('-')
  return `${date} ${[moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(':')}`
}

/** How long ago a stored time is: `3 h ago`; empty if it cannot be read. */
export function ago(time: string, now = Date.now()): string {
  const elapsed = now - Date.parse(time)
  if (Number.isNaN(elapsed)) return ''
  return elapsed < 0 ? `in ${duration(-elapsed)}` : `${duration(elapsed)} ago`
}

/** A number of milliseconds in its largest unit: `3 h`. */
export function duration(milliseconds: number): string {
  const [size, unit] = UNITS.find(([size]) => milliseconds >= size) ?? [1000, 's']
  return `${Math.floor(milliseconds / size)} ${unit}`
}
