/** Tokens from the author's `token-url`, loaded where a page has one; and what a token says. */

/** So long before a token ends another is asked for, in milliseconds; of one that lives shorter, in the middle of its life. */
const AHEAD_MS = 30_000;
/** The longest time that browsers wait for. */
const WAIT_MS_MAX = 2 ** 31 - 1;

/** Asks the author's site, with its own cookies; null for a reader who is not signed in there. */
async function fetchToken(address: string): Promise<string | null> {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (answer.status === 401 || answer.status === 403 || answer.status === 204) return null;
  if (!answer.ok) throw new Error(`token-url answered ${answer.status}`);
  const { token } = (await answer.json()) as { token?: unknown };
  return typeof token === "string" ? token : null;
}

/**
 * The token that there is; asked for at the first call, again before it ends, and, with `fresh`, when the one that was
 * given out last was refused as expired. What fails is asked for by the next call.
 */
export function tokensFrom(address: string): (fresh: boolean) => Promise<string | null> {
  let asked: Promise<string | null> | undefined;
  let given: Promise<string | null> | undefined;
  const ask = (): Promise<string | null> => {
    const now = fetchToken(address);
    asked = now;
    now.then(
      (token) => {
        const left_ms = Number(claimsOf(token ?? "")["exp"]) * 1000 - Date.now();
        if (left_ms > 0) setTimeout(() => asked === now && ask(), Math.min(Math.max(left_ms - AHEAD_MS, left_ms / 2), WAIT_MS_MAX));
      },
      () => {
        if (asked === now) asked = undefined;
      },
    );
    return now;
  };
  return (fresh) => (given = !asked || (fresh && given === asked) ? ask() : asked);
}

/** What a token says of its holder; empty for what is no JWT. The server's word is the one that counts. */
export function claimsOf(token: string): Record<string, unknown> {
  try {
    return JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))) as Record<string, unknown>;
  } catch {
    return {};
  }
}
