// npm run test:mutation [-- --mutate src/rules/cursor.ts]: what of the rules could change without a test that fails.

/** Each test with all it needs in one file, of which Node starts ten in the time that it takes tsx to start one. */
const TESTS = 'test/rules/bundled'

export default {
  mutate: ['src/rules/**/*.ts'],
  // A mutant is switched on while the tests run, so one build serves all. Of the package the tests take the sources.
  buildCommand: [
    `esbuild test/rules/*.test.ts --outdir=${TESTS} --bundle --format=esm --platform=node --target=node20.19`,
    '--alias:uniqc-task-store=./src/index.ts --external:better-sqlite3 --log-level=warning',
  ].join(' '),
  testRunner: 'tap',
  tap: {
    testFiles: [`${TESTS}/*.js`],
    nodeArgs: ['--test-reporter=tap', '-r', '{{hookFile}}', '{{testFile}}'],
  },
  coverageAnalysis: 'perTest',
  ignorePatterns: ['bench', 'docs'],
  // It would rewrite tsconfig.json with an API that TypeScript 7 does not have.
  tsconfigFile: 'tsconfig.none.json',
  reporters: ['clear-text', 'progress'],
  thresholds: { high: 97, low: 97, break: 97 },
}
