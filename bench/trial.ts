// One trial in a process of its own: node --import tsx bench/trial.ts NAME OPTIONS. Prints its result as JSON.
const [name, options = '{}'] = process.argv.slice(2)
const { run } = await import(`./trials/${name}.ts`)
console.log(JSON.stringify(await run(JSON.parse(options))))
