export default { ssr: { noExternal: true, external: ['better-sqlite3'] } }
