/** What waits in the queue, as comments that can be shown beside the server's. */
import type { Comment } from "../client/event";
import type { Queue, Unsent } from "../client/queue";
import { isLocal, localId } from "./local";

/** How far the clocks of a reader and the server may differ. */
const CLOCKS_MS = 60_000;

/** What waits for `channel`, without what is in `comments` already: its event may come before the answer. */
export function localsOf(queue: Queue, channel: string | null, comments: ReadonlyMap<string, Comment>, isOwn: (author: Comment["author"]) => boolean): Comment[] {
  const waiting = channel === null ? [] : queue.of(channel);
  return waiting.flatMap(({ draft: { nonce, body, parent = null, author }, created, state }) => {
    const after = new Date(Date.parse(created) - CLOCKS_MS).toISOString();
    for (const known of comments.values()) if (known.created > after && known.body === body && known.parent === parent && isOwn(known.author)) return [];
    const id = localId(nonce);
    return {
      id, channel: channel!, offset: null, parent, root: comments.get(parent ?? "")?.root ?? id, depth: 0,
      author: { id: "", name: author?.name ?? "", avatar: null, role: null, verified: false },
      body, format: "", html: "", created, edited: null, state, pinned: false, reactions: {}, replies: 0,
    };
  });
}

/** What a shown comment waits as. */
export const unsentOf = (queue: Queue, channel: string | null, id: string): Unsent | undefined =>
  isLocal(id) ? queue.of(channel ?? "").find(({ draft }) => localId(draft.nonce) === id) : undefined;
