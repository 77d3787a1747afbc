export default {
  mode: 'production',
  target: 'node20',
  entry: './in-thread.js',
  output: { path: `${import.meta.dirname}/out`, filename: 'in-thread.cjs', chunkFilename: '[id].cjs' },
  externals: { 'better-sqlite3': 'commonjs better-sqlite3' },
}
