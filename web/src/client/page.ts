/**
 * Which channel belongs to a page: CONTRACT §1, the twin of the server's module `page`. Both are
 * run against `cases/pages.json`; the server's word is the one that counts. Relies on the
 * browser's `URL` for scheme, host, port and dot segments.
 */
import { sha256 } from "./sha256";

/** The address cannot name a page: no http(s) address, or longer than the server takes. */
export class PageError extends Error {}

const URL_BYTES_MAX = 2048;
const INDEX = /\/index\.(?:html?|php)$/;
/** Parameters that say where a reader came from, not what is read. */
const TRACKING =
  /^(?:utm_.*|fbclid|gclid|gbraid|wbraid|dclid|msclkid|mc_cid|mc_eid|igshid|yclid|_ga|_gl|ref)$/;

/** RFC 3986 §6.2.2: escapes of unreserved characters are undone, the others in upper case. */
function normalEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase();
  });
}

/** Order by code units, which for escaped (ASCII) text is the order of bytes. */
const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function normalQuery(search: string): string {
  const kept = search
    .replace(/^\?/, "")
    .split("&")
    .filter((pair) => pair !== "")
    .map(normalEscapes)
    .filter((pair) => !TRACKING.test(pair.split("=", 1)[0]!))
    .sort(byBytes);
  return kept.length ? `?${kept.join("&")}` : "";
}

/** The key of the page at `url`, or of the one its author named `id`. */
export function pageKey(url: string, id?: string | null): string {
  if (id) return `id:${id}`;
  if (new TextEncoder().encode(url).length > URL_BYTES_MAX) throw new PageError("the address is too long");
  let address: URL;
  try {
    address = new URL(url);
  } catch {
    throw new PageError("not an address");
  }
  if (!/^https?:$/.test(address.protocol) || !address.hostname) throw new PageError("not an http address");
  const host = address.hostname.replace(/^www\./, "") + (address.port && `:${address.port}`);
  const path = normalEscapes(address.pathname).replace(/\/{2,}/g, "/").replace(INDEX, "/").replace(/\/$/, "");
  return `url:${host}${path}${normalQuery(address.search)}`;
}

/** The channel of the page with this key. */
export const channelOfKey = (key: string): string => `page:${sha256(key).slice(0, 32)}`;

/** The channel of a page: 32 hex digits of its key's SHA-256 behind `page:`. */
export const pageChannel = (url: string, id?: string | null): string => channelOfKey(pageKey(url, id));
