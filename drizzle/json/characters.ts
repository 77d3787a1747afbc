// The codes of what JSON is made of.
const TAB = 0x09
export const NEWLINE = 0x0a
const RETURN = 0x0d
export const SPACE = 0x20
export const QUOTE = 0x22
export const COMMA = 0x2c
export const COLON = 0x3a
export const ARRAY = 0x5b
export const BACKSLASH = 0x5c
export const END_ARRAY = 0x5d
export const OBJECT = 0x7b
export const END_OBJECT = 0x7d

/** Whether it is white space between the values of JSON. */
export function isSpace(code: number): boolean {
  return code === SPACE || code === NEWLINE || code === RETURN || code === TAB
}
