/** Tokens from an author's `token-url`, loaded where a page has one. One is asked for once, until a fresh one is needed. */

/** Address → what it answered, or will. */
const asked = new Map<string, Promise<string | null>>();

/** The token from `address`; null for a reader who is not signed in there. `fresh`: the last one has expired. */
export function tokenFrom(address: string, fresh: boolean): Promise<string | null> {
  const known = fresh ? undefined : asked.get(address);
  if (known) return known;
  const asking = fetchToken(address);
  asked.set(address, asking);
  // What failed is asked for again the next time.
  asking.catch(() => asked.get(address) === asking && asked.delete(address));
  return asking;
}

/** Asks the author's site, with its own cookies. */
async function fetchToken(address: string): Promise<string | null> {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (answer.status === 401 || answer.status === 403 || answer.status === 204) return null;
  if (!answer.ok) throw new Error(`token-url answered ${answer.status}`);
  const { token } = (await answer.json()) as { token?: unknown };
  return typeof token === "string" ? token : null;
}
