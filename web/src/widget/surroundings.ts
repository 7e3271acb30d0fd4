/**
 * What the elements of a page share: one identity, one connection and one HTTP client for each
 * server, site and way of signing in. Wakes connections when the network or the reader comes back.
 */
import { Api } from "../client/api";
import { Connection } from "../client/connection";
import { Identity } from "../client/identity";
import { claimsOf } from "../client/claims";
import type { Queue } from "../client/queue";
import { sharing } from "../client/share";
import { ways } from "../client/ways";
import { serverOf } from "./address";
import { storageOf } from "./storage";

export interface Surroundings {
  server: string;
  site: string | null;
  identity: Identity;
  api: Api;
  connection: Connection;
  /** Where what is not sent yet is kept; `sending.ts` makes the queue. */
  unsentKey: string;
  queue?: Queue;
}

const known = new Map<string, Surroundings>();
/** Tokens that change often must not leave connections behind for ever. */
const KNOWN_MAX = 16;

/** Whether the reader asked not to be tracked, and so is not to be counted. */
function asksForPrivacy(): boolean {
  const { doNotTrack, globalPrivacyControl } = navigator as Navigator & { globalPrivacyControl?: boolean };
  return doNotTrack === "1" || !!globalPrivacyControl;
}

/** Who a token is for, without what changes from one token to the next; the token itself where it cannot be read. */
function holderOf(token: string): string {
  const claims = claimsOf(token);
  return claims["sub"] ? JSON.stringify(claims, (key, value: unknown) => (/^(iat|exp|jti)$/.test(key) ? undefined : value)) : token;
}

function make(server: string, site: string | null, token: string | null, tokenUrl: string | null): Surroundings {
  const identity = new Identity({ server, site, token, tokenUrl, storage: storageOf("localStorage") });
  // All guests of a browser are one, whether they have a token yet or not.
  const group = (held: string | null): string => JSON.stringify(["parlour", server, site, identity.signedIn && held ? holderOf(held) : null]);
  const connection: Connection = new Connection({
    server,
    site,
    count: !asksForPrivacy(),
    face: () => identity.face,
    open: sharing(group, () => connection, ways()),
    token: (fresh) => identity.token(fresh),
    onGuestToken: (given, sent) => identity.guest(given, sent),
  });
  const api = new Api(server, site, identity);
  return { server, site, identity, connection, api, unsentKey: `parlour:unsent:${server}:${site ?? "default"}` };
}

/** What `element` shares with the others of its kind. */
export function surroundingsOf(element: Element): Surroundings {
  const server = serverOf(element);
  const named = ["site", "token", "token-url", "account"].map((name) => element.getAttribute(name) || null) as [string | null, string | null, string | null];
  const [site, token, tokenUrl] = named;
  const key = JSON.stringify([server, named]);
  let found = known.get(key);
  if (!found) {
    for (const [old, { connection }] of known) {
      if (known.size < KNOWN_MAX) break;
      if (connection.state === "idle") known.delete(old);
    }
    found = make(server, site, token, tokenUrl && new URL(tokenUrl, document.baseURI).href || null);
    known.set(key, found);
  }
  return found;
}

const nudgeAll = (): void =>
  known.forEach(({ connection, queue }) => {
    connection.nudge();
    queue?.nudge();
  });
addEventListener("online", nudgeAll);
document.addEventListener("visibilitychange", () => document.hidden || nudgeAll());
