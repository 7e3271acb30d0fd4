/**
 * Which channel belongs to a page: CONTRACT §1, the twin of the server's module `page`. Both are
 * run against `cases/pages.json`; the server's word is the one that counts. Relies on the
 * browser's `URL` for scheme, host, port and dot segments.
 */
import { LIMITS } from "./codes";
import { sha256 } from "./sha256";

/** The address cannot name a page: no http(s) address, or longer than the server takes. */
export class PageError extends Error {}

/** Parameters that say where a reader came from, not what is read. */
const TRACKING =
  /^(?:utm_.*|fbclid|gclid|gbraid|wbraid|dclid|msclkid|mc_cid|mc_eid|igshid|yclid|_ga|_gl|ref)$/;
/** An escape; or what has to become one, a `%` that begins none included. */
const IN_PATH = /%[0-9a-f]{2}|[^A-Za-z0-9._~!$&'()*+,;=:@/-]/gi;
const IN_QUERY = /%[0-9a-f]{2}|[^A-Za-z0-9._~!$&'()*+,;=:@/?-]/gi;

/**
 * RFC 3986 §6.2.2: escapes of unreserved characters are undone, the others in upper case, and what
 * may not stand bare is escaped. `text` is ASCII: the parser escaped the rest.
 */
function normalEscapes(text: string, found: RegExp): string {
  return text.replace(found, (piece) => {
    const code = piece.length === 3 ? parseInt(piece.slice(1), 16) : piece.charCodeAt(0);
    const character = String.fromCharCode(code);
    if (piece.length === 3 && /[A-Za-z0-9._~-]/.test(character)) return character;
    return `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
  });
}

const nameOf = (pair: string): string => pair.split("=", 1)[0]!;

/** By name, in the order of bytes (the names are ASCII); equal names stay as they are. */
function byName(a: string, b: string): number {
  const [one, other] = [nameOf(a), nameOf(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function normalQuery(search: string): string {
  const kept = search
    .replace(/^\?/, "")
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => normalEscapes(pair, IN_QUERY))
    .filter((pair) => !TRACKING.test(nameOf(pair)))
    .sort(byName);
  return kept.length ? `?${kept.join("&")}` : "";
}

function normalPath(path: string): string {
  return normalEscapes(path, IN_PATH)
    .replace(/\/{2,}/g, "/")
    .replace(/\/index\.(?:html?|php)$/, "/")
    .replace(/\/$/, "");
}

/** The key of the page at `url`, or of the one its author named `id`; an empty id is none. */
export function pageKey(url: string, id?: string | null): string {
  if ([...(id || url)].length > LIMITS.urlCharacters) throw new PageError("the address or id is too long");
  if (id) return `id:${id}`;
  let address: URL;
  try {
    address = new URL(url);
  } catch {
    throw new PageError("not an address");
  }
  if (!/^https?:$/.test(address.protocol) || !address.hostname) throw new PageError("not an http address");
  const host = address.hostname.replace(/^www\.(?=.)/, "") + (address.port && `:${address.port}`);
  return `url:${host}${normalPath(address.pathname)}${normalQuery(address.search)}`;
}

/** The channel of the page with this key. */
export const channelOfKey = (key: string): string => `page:${sha256(key).slice(0, 32)}`;

/** The channel of a page: 32 hex digits of its key's SHA-256 behind `page:`. */
export const pageChannel = (url: string, id?: string | null): string => channelOfKey(pageKey(url, id));
