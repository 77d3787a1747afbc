// Writes docs/cli.md from the commands themselves: `npm run manual`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createManual } from './create-manual.ts'

writeFileSync(join(import.meta.dirname, '../docs/cli.md'), createManual())
