import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryFolder } from '../temporary.ts'

const SOURCE = resolve(import.meta.dirname, 'interpose.c')

/** What a call of the C library can be, as interpose.c counts and fails them. */
export const CALL_KINDS = [
  'open',
  'create',
  'read',
  'write',
  'truncate',
  'sync',
  'rename',
  'link',
  'unlink',
  'mkdir',
] as const
export type CallKind = (typeof CALL_KINDS)[number]

/** Compiles the library that stands between a process and its files, and returns its path. */
export function buildInterposer(t: TestContext): string {
  const library = join(temporaryFolder(t), 'interpose.so')
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-O2',
    '-U_FORTIFY_SOURCE',
    '-o',
    library,
    SOURCE,
    '-ldl',
    '-lpthread',
  ])
  return library
}

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'calls are intercepted on Linux alone'
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  if (header?.glibcVersionRuntime === undefined) return 'the C library here is not that of GNU'
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'there is no cc here'
  }
}

const reason = whyNot()

/** Handed to a test that needs the interposer: a reason to skip it, where it cannot be built. */
export const needsInterposer = reason === undefined ? {} : { skip: reason }

/** Where folders are written and read thousands of times: in memory, where that is possible. */
export const FAST_FOLDER = isWritable('/dev/shm') ? '/dev/shm' : tmpdir()

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
