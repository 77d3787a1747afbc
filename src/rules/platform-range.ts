/** The backends of a platform: itself, and all from `from` up to, but not including, `to`. */
export interface PlatformRange {
  readonly platform: string
  readonly from: string
  readonly to: string
}

/** `originq`, and all that begins with `originq:`. The `;` follows the `:` in ASCII. */
export function platformRange(platform: string): PlatformRange {
  return { platform, from: `${platform}:`, to: `${platform};` }
}

/** Whether a backend belongs to a platform; true if none is given. */
export function isOfPlatform(backend: string, platform: string | undefined): boolean {
  return platform === undefined || backend === platform || backend.startsWith(`${platform}:`)
}
