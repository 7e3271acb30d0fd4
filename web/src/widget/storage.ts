/** The browser's storage for the page's origin, which may be blocked. */
import type { Storage } from "../client/identity";

/** What the browser keeps for the page's origin, for good or for this tab; null where it keeps nothing. */
export function storageOf(kind: "localStorage" | "sessionStorage"): Storage | null {
  try {
    return globalThis[kind];
  } catch {
    return null;
  }
}
