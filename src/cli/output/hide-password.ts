const secrets = new Set<string>()

/** Hides the password of a URL in everything that is printed from now on. */
export function hidePasswordOf(url: string): void {
  for (const found of [/:\/\/[^/?#]*?:([^/?#]*)@/.exec(url)?.[1], /[?&]password=([^&#]*)/i.exec(url)?.[1]]) {
    if (found === undefined || found === '') continue
    secrets.add(found)
    try {
      secrets.add(decodeURIComponent(found))
    } catch {
      // Not encoded.
    }
  }
}

/** A message without the password of any URL. */
export function hidePasswords(text: string): string {
  let hidden = text
  for (const secret of secrets) hidden = hidden.replaceAll(secret, '***')
  return hidden
    .replace(/(:\/\/[^\s/?#:@]*):[^\s/?#]*@/g, '$1:***@')
    .replace(/([?&]password=)[^\s&#]*/gi, '$1***')
}
