/** `1 task`, `5 tasks`. */
export function sayCount(count: number, thing = 'task'): string {
  return `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`
}
