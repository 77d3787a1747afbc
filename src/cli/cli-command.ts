import { Command, Help, Option } from 'commander'

/** What a person types, and what it is for. */
export interface Example {
  readonly purpose: string
  readonly line: string
}

/** A command, with what its help and its part of the manual say beside its options. */
export class CliCommand extends Command {
  readonly examples: Example[] = []
  /** What it prints with --json. */
  shape: string | undefined

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name)
  }

  example(purpose: string, line: string): this {
    this.examples.push({ purpose, line })
    return this
  }

  /** Adds the option --json. */
  json(shape: string): this {
    this.shape = shape
    return this.option('--json', 'print JSON')
  }

  /** Adds the option --yes, for a command that asks. */
  yes(): this {
    return this.option('-y, --yes', 'do not ask')
  }

  /** Adds an option that takes one of some words. */
  choice(flags: string, description: string, words: readonly string[]): this {
    return this.addOption(new Option(flags, description).choices(words))
  }

  override createHelp(): Help {
    return Object.assign(new HelpWithExamples(), this.configureHelp())
  }
}

class HelpWithExamples extends Help {
  override formatHelp(command: CliCommand, helper: Help): string {
    const examples = command.examples.map(({ purpose, line }) => `  # ${purpose}\n  ${line}`)
    const shape = command.shape === undefined ? '' : `\nWith --json: ${command.shape}\n`
    const shown = examples.length === 0 ? '' : `\nExamples:\n${examples.join('\n')}\n`
    return super.formatHelp(command, helper) + shape + shown
  }
}
