/** What the browser keeps of a reader for the page, who signed in at Parlour's own origin among it; for the parts that change it. */
import { keyOf, stored } from "./identity";
import type { Kept, Storage } from "./identity";

/** What is kept for a server and a site. */
export const keptAt = (storage: Storage | null, server: string, site: string | null): Kept => stored<Kept>(storage, keyOf(server, site)) ?? {};

/** Keeps more, or forgets what is undefined; false where the browser keeps nothing. */
export function keepAt(storage: Storage | null, server: string, site: string | null, change: Kept): boolean {
  try {
    storage!.setItem(keyOf(server, site), JSON.stringify({ ...keptAt(storage, server, site), ...change }));
    return true;
  } catch {
    return false;
  }
}

/** The elements of this page start anew, as whoever is signed in now. */
export function startAnew(root: ParentNode = document): void {
  for (const element of root.querySelectorAll("parlour-comments, parlour-chat, parlour-viewers")) element.setAttribute("account", String(Date.now()));
}
