import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** What a program that uses the package has in its node_modules. The rest is found through these. */
const INSTALLED = ['better-sqlite3', 'drizzle-orm', 'drizzle-kit', '@types/better-sqlite3', '@types/node']

/** Packs the package into a folder, and returns the tarball. The build is taken as it stands. */
export function pack(folder: string): string {
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
    stdio: 'pipe',
  })
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '')
}

/** Makes a folder a program of its own, with the packed package and others in its node_modules. */
export function makeConsumer(folder: string, ...others: readonly string[]): void {
  const modules = join(folder, 'node_modules')
  const target = join(modules, 'uniqc-task-store')
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', pack(folder), '-C', target, '--strip-components=1'])
  for (const name of [...INSTALLED, ...others]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
}

/** Compiles TypeScript files of a consumer, under strict and for the oldest Node that is supported. */
export function compile(folder: string, ...options: readonly string[]): void {
  const tsconfig = {
    compilerOptions: {
      target: 'es2022',
      lib: ['es2022', 'esnext.disposable'],
      module: 'nodenext',
      strict: true,
      types: ['node'],
      skipLibCheck: true,
      outDir: 'out',
      rootDir: '.',
    },
    include: ['*.ts', '*.mts', '*.cts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  try {
    execFileSync(process.execPath, [tsc, ...options], { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout)
  }
}
