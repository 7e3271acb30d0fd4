/** Who signed in at Parlour's own origin, in what the browser keeps for the page; for the parts that change it. */
import { keyOf, stored } from "./identity";
import type { Account, Kept, Storage } from "./identity";

/** What is kept for a server and a site. */
export const keptAt = (storage: Storage | null, server: string, site: string | null): Kept => stored<Kept>(storage, keyOf(server, site)) ?? {};

/** Keeps it or forgets it; false where the browser keeps nothing. */
export function keepAccount(storage: Storage | null, server: string, site: string | null, account?: Account): boolean {
  try {
    storage!.setItem(keyOf(server, site), JSON.stringify({ ...keptAt(storage, server, site), account }));
    return true;
  } catch {
    return false;
  }
}

/** The elements of this page start anew, as whoever is signed in now. */
export function startAnew(root: ParentNode = document): void {
  for (const element of root.querySelectorAll("parlour-comments, parlour-chat, parlour-viewers")) element.setAttribute("account", String(Date.now()));
}
