/** What tells one post from another, so that it can be sent again. */

/** 22 characters of `[A-Za-z0-9_-]`: works where `crypto.randomUUID` does not, on plain http. */
export function newNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
