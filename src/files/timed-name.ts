import { existsSync } from 'node:fs'
import { clockTime } from '../rules/clock.ts'

/** A name that ends in the time now (`<name>.YYYYMMDDTHHMMSS.mmmZ`), or in the next millisecond that is free. */
export function freeTimedName(name: string): string {
  for (let time = clockTime(); ; time++) {
    const timed = `${name}.${new Date(time).toISOString().replace(/[-:]/g, '')}`
    if (!existsSync(timed)) return timed
  }
}

/** How a name that {@link freeTimedName} made ends after the name that it was given and a dot. */
export const TIME_ENDING = /^\d{8}T\d{6}\.\d{3}Z$/
