type Command = readonly [command: string, ...args: string[]]

/** A project in a folder of this name. Without more, npm installs it, and its own `npm test` runs. */
export interface Setup {
  readonly name: string
  /** The packages whose versions matter: its dependencies, or the manager that installs it. */
  readonly tools?: readonly string[]
  /** Built by its `npm run build`, and then run without this package and Drizzle in node_modules. */
  readonly isBundled?: boolean
  /** It does not work, and its `npm test` says this. */
  readonly fails?: RegExp
  /** How another manager installs it, as the docs say. */
  readonly install?: (tarball: string, isOldNode: boolean) => readonly Command[]
  /** What goes into package.json on a Node that the newest driver does not fit. */
  readonly onOldNode?: object
  /** What runs in place of `npm test`. */
  readonly steps?: readonly Command[]
}

const RESOLUTIONS = {
  resolutions: { 'better-sqlite3': '^12.11.1' },
  dependenciesMeta: { 'better-sqlite3': { built: true } },
}
const DENO = ['--allow-ffi', '--allow-read', '--allow-write', '--allow-env', '--allow-sys']

export const SETUPS: readonly Setup[] = [
  { name: 'npm' },
  { name: 'vitest', tools: ['vitest'] },
  { name: 'jest', tools: ['jest'] },
  {
    name: 'jest-default',
    tools: ['jest'],
    fails: /Must use import to load ES Module|Cannot use import statement/,
  },
  { name: 'typescript', tools: ['typescript', 'typescript-5'] },
  { name: 'esbuild', tools: ['esbuild'], isBundled: true },
  { name: 'webpack', tools: ['webpack'], isBundled: true },
  { name: 'rspack', tools: ['@rspack/core'], isBundled: true },
  { name: 'vite-ssr', tools: ['vite'], isBundled: true },
  { name: 'tsup', tools: ['tsup'], isBundled: true },
  { name: 'esbuild-thread', tools: ['esbuild'], isBundled: true },
  { name: 'webpack-thread', tools: ['webpack'], isBundled: true },
  { name: 'rspack-thread', tools: ['@rspack/core'], isBundled: true },
  { name: 'vite-ssr-thread', tools: ['vite'], isBundled: true },
  { name: 'servers', tools: ['fastify', 'hono'] },
  {
    name: 'pnpm',
    tools: ['pnpm'],
    install: (tarball, isOldNode) => [
      isOldNode
        ? ['pnpm', 'add', tarball, 'drizzle-orm', 'better-sqlite3@12', '--allow-build=better-sqlite3']
        : ['pnpm', 'add', tarball, 'drizzle-orm', 'better-sqlite3'],
    ],
    steps: [['node', 'program.js']],
  },
  {
    name: 'yarn',
    tools: ['@yarnpkg/cli-dist'],
    install: (tarball, isOldNode) => [
      [
        'yarn',
        'add',
        `uniqc-task-store@file:${tarball}`,
        'drizzle-orm',
        `better-sqlite3@${isOldNode ? 12 : 13}`,
      ],
    ],
    onOldNode: RESOLUTIONS,
    steps: [['node', 'program.js']],
  },
  {
    name: 'yarn-pnp',
    tools: ['@yarnpkg/cli-dist'],
    install: (tarball, isOldNode) => [
      [
        'yarn',
        'add',
        `uniqc-task-store@file:${tarball}`,
        'drizzle-orm',
        `better-sqlite3@${isOldNode ? 12 : 13}`,
      ],
    ],
    onOldNode: RESOLUTIONS,
    steps: [['yarn', 'node', 'program.js']],
  },
  {
    name: 'bun',
    tools: ['bun'],
    install: (tarball) => [['bun', 'add', tarball, 'drizzle-orm', 'better-sqlite3']],
    steps: [['bun', 'program.js']],
  },
  {
    name: 'deno',
    tools: ['deno'],
    // Deno takes a folder for a package that is not published, and no packed file.
    install: (tarball) => [
      ['tar', '-xzf', tarball],
      ['deno', 'add', 'npm:drizzle-orm@^0.45.4', 'npm:better-sqlite3@^13.2.0'],
    ],
    steps: [['deno', 'run', ...DENO, 'program.js']],
  },
]
