export default {
  mode: 'production',
  target: 'node20',
  entry: './program.js',
  output: { path: `${import.meta.dirname}/out`, filename: 'program.cjs' },
  externals: { 'better-sqlite3': 'commonjs better-sqlite3' },
}
