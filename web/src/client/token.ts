/**
 * Tokens from an author's `token-url`, loaded where a page has one. One is asked for once, again before it ends, and when it was refused
 * as expired.
 */
import { claimsOf } from "./claims";

/** So long before a token ends another is asked for, in milliseconds; of one that lives shorter, in the middle of its life. */
const AHEAD_MS = 30_000;
/** The longest time that browsers wait for. */
const WAIT_MS_MAX = 2 ** 31 - 1;

/** Address → what it answered, or will. */
const asked = new Map<string, Promise<string | null>>();
/** Address → what was given out last. */
const given = new Map<string, Promise<string | null>>();

/** The token from `address`; null for a reader who is not signed in there. `fresh`: the last one has expired. */
export function tokenFrom(address: string, fresh: boolean): Promise<string | null> {
  const known = asked.get(address);
  // One that came since may be good.
  const token = known && !(fresh && known === given.get(address)) ? known : ask(address);
  given.set(address, token);
  return token;
}

function ask(address: string): Promise<string | null> {
  const asking = fetchToken(address);
  asked.set(address, asking);
  const isLast = (): boolean => asked.get(address) === asking;
  const again = (token: string | null): void => {
    const left_ms = Number(claimsOf(token ?? "")["exp"]) * 1000 - Date.now();
    if (left_ms > 0) setTimeout(() => isLast() && ask(address), Math.min(Math.max(left_ms - AHEAD_MS, left_ms / 2), WAIT_MS_MAX));
  };
  // What failed is asked for again the next time.
  asking.then(again, () => isLast() && asked.delete(address));
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
