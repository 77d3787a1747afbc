// Compiles with each version of TypeScript and each module mode, and runs what comes out.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

const MODES = {
  nodenext: { program: 'mts', options: ['--module', 'nodenext'] },
  'nodenext, CommonJS': { program: 'cts', options: ['--module', 'nodenext'] },
  node20: { program: 'mts', options: ['--module', 'node20'] },
  'node20, CommonJS': { program: 'cts', options: ['--module', 'node20'] },
  node18: { program: 'mts', options: ['--module', 'node18'] },
  'node18, CommonJS': { program: 'cts', options: ['--module', 'node18'], fails: /TS1479/ },
  node16: { program: 'mts', options: ['--module', 'node16'] },
  'node16, CommonJS': { program: 'cts', options: ['--module', 'node16'], fails: /TS1479/ },
  bundler: { program: 'mts', options: ['--module', 'esnext', '--moduleResolution', 'bundler'] },
}

for (const compiler of ['typescript', 'typescript-5']) {
  const tsc = [`node_modules/${compiler}/bin/tsc`, '--target', 'es2022', '--strict', '--skipLibCheck']
  for (const [mode, { program, options, fails }] of Object.entries(MODES)) {
    rmSync('out', { recursive: true, force: true })
    const args = [...tsc, ...options, '--types', 'node', '--outDir', 'out', `program.${program}`]
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    if (fails === undefined) assert.equal(status, 0, `${compiler}, ${mode}: ${stdout}`)
    else assert.match(stdout, fails, `${compiler}, ${mode} compiles now: say so in docs/setups.md`)
    if (fails === undefined) execFileSync(process.execPath, [`out/program.${program.replace('ts', 'js')}`])
    console.log(`${compiler}, ${mode}: ${fails === undefined ? 'runs' : 'does not compile, as documented'}`)
  }
}
