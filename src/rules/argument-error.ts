/** What is wrong with an argument, in Node's words: its type, or its value. */
export type ArgumentErrorCode = 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE'

/**
 * The `TypeError` for a misuse of the API: an argument of the wrong type or value, or an option that does not
 * exist. Its message names the argument.
 *
 * @example
 * ```ts
 * import { ArgumentError, toJson } from 'uniqc-task-store'
 *
 * try {
 *   toJson([new Map()])
 * } catch (error) {
 *   if (!(error instanceof ArgumentError)) throw error
 *   console.log(error.code, error.argument, error.message)
 * }
 * ```
 */
export class ArgumentError extends TypeError {
  readonly code: ArgumentErrorCode
  /** The argument or the option: `limit`. */
  readonly argument: string

  constructor(code: ArgumentErrorCode, argument: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.argument = argument
  }
}

/** The error for an argument of the wrong type. */
export function invalidType(argument: string, message: string): ArgumentError {
  return new ArgumentError('ERR_INVALID_ARG_TYPE', argument, message)
}

/** The error for an argument of the right type whose value is wrong. */
export function invalidValue(argument: string, message: string, options?: ErrorOptions): ArgumentError {
  return new ArgumentError('ERR_INVALID_ARG_VALUE', argument, message, options)
}
