export default {
  ssr: { noExternal: true, external: ['better-sqlite3'] },
  build: {
    rollupOptions: {
      input: { 'in-thread': 'in-thread.js', 'worker/program': 'uniqc-task-store/worker/program' },
      output: { entryFileNames: '[name].js' },
    },
  },
}
