/** A token from the author's `token-url`, loaded where a page has one; and what a token says. */

/** Asks the author's site, with its own cookies; null for a reader who is not signed in there. */
export async function fetchToken(address: string): Promise<string | null> {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (answer.status === 401 || answer.status === 403 || answer.status === 204) return null;
  if (!answer.ok) throw new Error(`token-url answered ${answer.status}`);
  const { token } = (await answer.json()) as { token?: unknown };
  return typeof token === "string" ? token : null;
}

/** What a token says of its holder; empty for what is no JWT. The server's word is the one that counts. */
export function claimsOf(token: string): Record<string, unknown> {
  try {
    return JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))) as Record<string, unknown>;
  } catch {
    return {};
  }
}
