/**
 * How many comments of a channel are new since the reader's last visit, for `<parlour-count unread>`: those beyond as many as there
 * were then (`marks.ts` keeps it, for those whom the browser remembers). Loaded without any other part.
 */
import { pageChannel } from "../client/page";
import { storageOf } from "./storage";

/** `value` is a channel, or the address of a page (`isPage`); there are `comments` now. */
export function unseen(server: string, value: string, isPage: boolean, comments: number): number {
  try {
    const visits = JSON.parse(storageOf("localStorage")?.getItem(`parlour:seen:${server}`) ?? "{}") as Record<string, string>;
    const visit = visits[isPage ? pageChannel(value, null) : value];
    return Math.max(0, comments - Number(visit?.split(" ")[1] ?? comments));
  } catch {
    // Blocked or broken storage is an empty one.
    return 0;
  }
}
