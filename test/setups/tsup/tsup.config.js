export default {
  entry: ['program.js'],
  format: ['esm', 'cjs'],
  outDir: 'out',
  external: ['better-sqlite3'],
  // Dependencies are external unless told.
  noExternal: ['uniqc-task-store', 'drizzle-orm'],
}
