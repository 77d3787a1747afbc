import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { hasPython } from './has-python.ts'

export const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js')

/** No command outlives this, in milliseconds. */
const LONGEST = 60_000

export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

/** What a command must not find: this user's store, what colours depend on, and what belongs to the tests. */
const UNSET = [
  'UNIQC_CACHE_DIR',
  'UNIQC_TASKS_URL',
  'NO_COLOR',
  'FORCE_COLOR',
  'CI',
  'NODE_TEST_CONTEXT',
  'NODE_OPTIONS',
]

/** The environment of a command. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const env = { ...process.env }
  for (const name of UNSET) delete env[name]
  return { ...env, HOME: tmpdir(), TZ: 'UTC', TERM: 'xterm-256color', ...more }
}

/** Starts the built command line away from a terminal. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawn(process.execPath, [MAIN, ...args], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST,
    killSignal: 'SIGKILL',
  })
}

/** Runs the built command line to its end. */
export function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return ended(start(args, env))
}

/** Runs it, and reads what it prints as JSON. */
export async function cliJson(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const { output, code, errors } = await cli([...args, '--json'], env)
  try {
    return JSON.parse(output)
  } catch (error) {
    throw new Error(`${args.join(' ')} ended with ${code} and printed ${output.slice(0, 500)} ${errors}`, {
      cause: error,
    })
  }
}

export function ended(child: ReturnType<typeof start>): Promise<Ended> {
  return new Promise((fulfil, reject) => {
    let [output, errors] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text
    })
    child.on('error', reject)
    child.on('close', (code) => fulfil({ code, output, errors }))
  })
}

/** Runs a command in a pseudo-terminal, types what is asked for, and prints what it showed, then its code. */
const TERMINAL = String.raw`
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
columns, steps, command = int(sys.argv[1]), sys.argv[2].split('\x1e'), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    os.execvp(command[0], command)
shown, seen = b'', 0
deadline = time.time() + 60
steps = [step.split('\x1f') for step in steps if step]
while time.time() < deadline:
    if steps and re.search(steps[0][0].encode(), shown[seen:]):
        seen = len(shown)
        os.write(fd, steps.pop(0)[1].encode())
    ready, _, _ = select.select([fd], [], [], 0.05)
    if not ready: continue
    try: data = os.read(fd, 65536)
    except OSError: break
    if not data: break
    shown += data
else:
    os.kill(pid, signal.SIGKILL)
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown + b'\x00' + str(os.waitstatus_to_exitcode(status)).encode())
`

/** Handed to a test that needs a pseudo-terminal: a reason to skip it, where there is none. */
export const needsTerminal =
  process.platform !== 'win32' && hasPython()
    ? {}
    : { skip: 'there is no python3 here to make a pseudo-terminal' }

/** What a person types, when the terminal shows what a pattern of Python's matches. */
export type Typed = readonly [shown: string, typed: string]

export const CTRL_C = '\x03'

/** Runs the built command line at a terminal of so many columns. */
export async function atTerminal(
  columns: number,
  args: readonly string[],
  { typed = [], env = {} }: { readonly typed?: readonly Typed[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<{ readonly code: number; readonly screen: string; readonly lines: readonly string[] }> {
  const steps = typed.map((step) => step.join('\x1f')).join('\x1e')
  const command = [process.execPath, MAIN, ...args]
  const child = spawn('python3', ['-c', TERMINAL, String(columns), steps, ...command], {
    env: environment({ TERM: 'xterm-256color', ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST + 10_000,
    killSignal: 'SIGKILL',
  })
  const { output, errors } = await ended(child)
  const [shown = '', code] = output.split('\0')
  if (code === undefined) throw new Error(`the terminal failed: ${errors}`)
  const screen = shown.replaceAll('\r\n', '\n')
  return {
    code: Number(code),
    screen,
    lines: plain(screen)
      .split('\n')
      .filter((line) => line !== ''),
  }
}

/** A screen without its colours and movements. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal is sent
export const plain = (screen: string) => screen.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '')
