import { isTerminal } from './output/print.ts'

/** `1 task`, `5 tasks`; at a terminal `1,000 tasks`. */
export function sayCount(count: number, thing = 'task'): string {
  return `${isTerminal() ? count.toLocaleString('en') : count} ${thing}${count === 1 ? '' : 's'}`
}
