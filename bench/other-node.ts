import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from '../test/support/consumer.ts'
import type { Results } from './report.ts'

/** The package as it is built, in a folder of its own with another Node and the driver that has a binary for it. */
export class OtherNode {
  readonly #folder = mkdtempSync(join(tmpdir(), 'uniqc-bench-node-'))
  readonly #project = join(this.#folder, 'package')
  readonly #node: string

  constructor(version: string) {
    const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
    const home = join(this.#folder, 'node')
    this.#node = join(home, 'node_modules', name, 'bin/node')
    mkdirSync(home)
    run(this.#folder, 'tar', '-xzf', pack(this.#folder), '-C', this.#folder)
    cpSync(import.meta.dirname, join(this.#project, 'bench'), { recursive: true })
    // No script may run: npm's own Node may be one that the driver does not fit.
    const quiet = ['--no-audit', '--no-fund']
    run(this.#project, 'npm', 'install', '--ignore-scripts', '--force', ...quiet, 'better-sqlite3@13')
    run(home, 'npm', 'install', '--prefix', home, ...quiet, `${name}@${version}`)
  }

  /** What the benchmarks find there. */
  run(options: readonly string[]): Results {
    const args = ['--import', 'tsx', 'bench/run.ts', '--json', ...options]
    const output = execFileSync(this.#node, args, {
      cwd: this.#project,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 2 ** 26,
    })
    return JSON.parse(output)
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** What it prints is for a person: our own output may be for a machine. */
function run(cwd: string, command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { cwd, stdio: ['ignore', process.stderr, process.stderr] })
}
