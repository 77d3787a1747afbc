/**
 * Whether a value is an error of any realm. Test runners load a package into a realm of its own, where the errors of Node
 * and of the driver are no instances of `Error`.
 */
export function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'name' in value && 'message' in value
}
