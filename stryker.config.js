// npm run test:mutation [-- --mutate src/rules/cursor.ts]: what of the rules could change without a test that fails.
export default {
  mutate: ['src/rules/**/*.ts'],
  testRunner: 'tap',
  tap: {
    testFiles: ['test/rules/*.test.ts'],
    nodeArgs: ['--import', 'tsx', '--test-reporter=tap', '-r', '{{hookFile}}', '{{testFile}}'],
  },
  coverageAnalysis: 'perTest',
  ignorePatterns: ['bench', 'docs'],
  // It would rewrite tsconfig.json with an API that TypeScript 7 does not have.
  tsconfigFile: 'tsconfig.none.json',
  reporters: ['clear-text', 'progress'],
  thresholds: { high: 97, low: 97, break: 97 },
}
