import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { realTime } from '../rules/clock.ts'
import { codeOf } from './file-error.ts'

/** How long a temporary file may stay unwritten where its process cannot be seen from here, in milliseconds. */
const LONGEST = 86_400_000

/** The names that {@link temporaryName} makes, and what is made after them: logs, and copies of copies. */
const TEMPORARY = /\.(\d+)\.([\da-f]{8})\.[\da-f]{8}\.unfinished(?=[-.]|$)/

/**
 * A unique name for a file while it is written: another process or thread may be writing it as well. It names its
 * process, so that what is left of a killed one is known for it; such files in the same folder are removed.
 */
export function temporaryName(file: string): string {
  removeLeftOvers(dirname(file))
  return `${file}.${process.pid}.${whereabouts()}.${crypto.randomUUID().slice(0, 8)}.unfinished`
}

/**
 * Removes a temporary file that is not needed any more, and all that was made beside it. Nothing is thrown: it must not
 * hide what came of the call, and the next one finds what is left.
 */
export function removeTemporary(temporary: string): void {
  const prefix = basename(temporary)
  remove(temporary)
  for (const name of namesIn(dirname(temporary))) {
    if (name.startsWith(prefix)) remove(join(dirname(temporary), name))
  }
}

/** Removes the temporary files beside a file whose process is no more, after a power cut or a kill. */
export function removeLeftOversBeside(file: string): void {
  removeLeftOvers(dirname(resolveLinks(file)))
}

function resolveLinks(file: string): string {
  try {
    return realpathSync.native(file)
  } catch {
    // There is no such file.
    return file
  }
}

function removeLeftOvers(folder: string): void {
  for (const name of namesIn(folder)) {
    const [, pid, where] = TEMPORARY.exec(name) ?? []
    if (pid === undefined) continue
    const path = join(folder, name)
    const isDead = where === whereabouts() ? !isAlive(Number(pid)) : hasItsName(path)
    if (isDead || isAbandoned(path)) remove(path)
  }
}

/** Removes a file, if it can be removed. */
export function remove(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // It stays.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // It is not there, or may not be read.
    return []
  }
}

/** The number of a process means another one elsewhere: on another machine, in another container. */
function whereabouts(): string {
  const { hostname } = process.getBuiltinModule('node:os')
  known ??= hash([hostname(), readFile('/etc/machine-id'), readLink('/proc/self/ns/pid')].join('\n'))
  return known
}
let known: string | undefined

function hash(text: string): string {
  const { createHash } = process.getBuiltinModule('node:crypto')
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

/** Whether a file has another name as well: the one that it was made for. */
function hasItsName(path: string): boolean {
  return (look(path)?.nlink ?? 0) > 1
}

function isAbandoned(path: string): boolean {
  return (look(path)?.mtimeMs ?? Number.POSITIVE_INFINITY) < realTime() - LONGEST
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    // Removed meanwhile.
    return undefined
  }
}
