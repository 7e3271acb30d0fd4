/**
 * What the elements of a page share: one identity, one connection and one HTTP client for each
 * server, site and way of signing in. Wakes connections when the network or the reader comes back.
 */
import { Api } from "../client/api";
import { Connection } from "../client/connection";
import { Identity } from "../client/identity";
import type { Storage } from "../client/identity";
import { openWebSocket } from "../client/websocket";
import { serverOf } from "./address";

export interface Surroundings {
  server: string;
  site: string | null;
  identity: Identity;
  api: Api;
  connection: Connection;
}

const known = new Map<string, Surroundings>();
/** Tokens that change often must not leave connections behind for ever. */
const KNOWN_MAX = 16;

function storage(): Storage | null {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

/** Whether the reader asked not to be tracked, and so is not to be counted. */
function asksForPrivacy(): boolean {
  const { doNotTrack, globalPrivacyControl } = navigator as Navigator & { globalPrivacyControl?: boolean };
  return doNotTrack === "1" || globalPrivacyControl === true;
}

function make(server: string, site: string | null, token: string | null, tokenUrl: string | null): Surroundings {
  const identity = new Identity({ server, site, token, tokenUrl, storage: storage() });
  const connection = new Connection({
    server,
    site,
    count: !asksForPrivacy(),
    open: openWebSocket,
    token: (fresh) => identity.token(fresh),
    onGuestToken: (given, sent) => identity.guest(given, sent),
  });
  return { server, site, identity, connection, api: new Api(server, site, identity) };
}

/** What `element` shares with the others of its kind. */
export function surroundingsOf(element: Element): Surroundings {
  const server = serverOf(element);
  const [site, token, tokenUrl] = ["site", "token", "token-url"].map((name) => element.getAttribute(name) || null);
  const key = JSON.stringify([server, site, token, tokenUrl]);
  let found = known.get(key);
  if (!found) {
    for (const [old, { connection }] of known) {
      if (known.size < KNOWN_MAX) break;
      if (connection.state === "idle") known.delete(old);
    }
    found = make(server, site ?? null, token ?? null, tokenUrl && new URL(tokenUrl, document.baseURI).href || null);
    known.set(key, found);
  }
  return found;
}

const nudgeAll = (): void => known.forEach(({ connection }) => connection.nudge());
addEventListener("online", nudgeAll);
document.addEventListener("visibilitychange", () => document.hidden || nudgeAll());
