/**
 * What is known of a channel's comments: pages read, events heard, answers to one's own posts, in
 * whatever order they come. Each comment keeps the newest state that was seen of it: everything is
 * stamped with the offset it was true at, and what is older than what is known changes nothing. No
 * DOM, no IO; the order on the page is `tree.ts`.
 */
import type { ChannelEvent, Comment, CommentDeleted, CommentPage } from "../client/event";
import { parsePosition } from "../client/position";

/** The most comments kept; what comes live beyond it is only counted. */
const COMMENTS_MAX = 5000;
/** Deletions remembered against late news of what was deleted. */
const GONE_MAX = 200;

export type Sort = "newest" | "oldest" | "best";

export const sortOf = (text: string | null): Sort => (text === "oldest" || text === "best" ? text : "newest");

/** What an event did: `read` asks to read the thread again. */
export type Change = "none" | "changed" | "added" | "read";

export class Thread {
  readonly byId = new Map<string, Comment>();
  readonly sort: Sort;
  /** The offset at which the state of each comment was true. */
  readonly #seen = new Map<string, number>();
  readonly #gone = new Map<string, number>();
  /** All comments of the thread, loaded or not. */
  total = 0;
  /** Where the next page begins; null at the end. */
  next: string | null = null;
  /** What came in pages, in the order of the list; the others came live. */
  readonly listed = new Set<string>();
  /** Comment → where its cut branch goes on. */
  readonly more = new Map<string, string>();
  closed = false;
  /** The last root of the pages read: what lies beyond it comes with its own page. */
  #last: Comment | undefined;

  constructor(sort: Sort = "newest") {
    this.sort = sort;
  }

  /** Takes the first page, in place of all that is known. */
  reset(page: CommentPage): void {
    for (const known of [this.byId, this.#seen, this.#gone, this.more, this.listed]) known.clear();
    this.closed = page.page?.closed ?? false;
    this.extend(page);
  }

  /** Takes a further page, or the rest of the branch under the comment `branch`. */
  extend(page: CommentPage, branch?: string): void {
    const at = parsePosition(page.position)?.offset ?? 0;
    for (const comment of page.comments) {
      this.#put(comment, at);
      this.listed.add(comment.id);
    }
    for (const [id, cursor] of Object.entries(page.more ?? {})) this.more.set(id, cursor);
    this.total = page.total;
    if (branch === undefined) {
      this.next = page.next;
      this.#last = page.comments.findLast(({ parent, pinned }) => !parent && !pinned) ?? this.#last;
    } else if (page.next) this.more.set(branch, page.next);
    else if (!page.more?.[branch]) this.more.delete(branch);
  }

  /** Takes the server's answer to a post; the event about it may come before or after. */
  put(comment: Comment): Change {
    const isNew = !this.byId.has(comment.id);
    if (!this.#put(comment, comment.offset ?? 0)) return "none";
    if (isNew && comment.state === "approved") this.total++;
    return isNew ? "added" : "changed";
  }

  /** Takes what the channel says. */
  apply(event: ChannelEvent): Change {
    switch (event.name) {
      case "comment.created":
      case "comment.updated":
        return this.#applyComment(event.data as Comment, event.offset ?? 0, event.name === "comment.created");
      case "comment.deleted":
        return this.#applyDeleted(event.data as CommentDeleted, event.offset ?? 0);
      case "reaction":
        return this.#applyReactions(event.data as Pick<Comment, "id" | "reactions">, event.offset ?? 0);
      case "thread.updated":
        this.closed = (event.data as { closed?: boolean }).closed === true;
        return "changed";
      case "thread.reset":
        return "read";
      default:
        return "none";
    }
  }

  /** One's own comment was deleted; the event about it comes as well. */
  remove(id: string): Change {
    const comment = this.byId.get(id);
    if (!comment) return "none";
    return this.#applyDeleted({ ...comment, tombstone: comment.replies > 0 }, this.#seen.get(id) ?? 0);
  }

  /** Lets go of a comment, which is read again when it is needed. */
  forget(id: string): void {
    this.byId.delete(id);
    this.#seen.delete(id);
  }

  #applyComment(comment: Comment, offset: number, created: boolean): Change {
    const known = this.byId.get(comment.id);
    const isNew = !known;
    if (isNew && this.#isGone(comment.id, offset)) return "none";
    // One's own held comment was approved, or it is new to everyone.
    if (comment.state === "approved" && (known ? known.state !== "approved" : created)) this.total++;
    if (isNew && this.#isBeyond(comment, created)) return "changed";
    if (isNew && this.byId.size >= COMMENTS_MAX) return "changed";
    if (!this.#put(comment, offset)) return "none";
    return isNew ? "added" : "changed";
  }

  #applyDeleted({ id, tombstone }: CommentDeleted, offset: number): Change {
    const comment = this.byId.get(id);
    if (!comment && this.#gone.has(id)) return "none";
    if (comment && offset < (this.#seen.get(id) ?? 0)) return "none";
    if (comment?.state === "deleted" && tombstone) return "none";
    if (comment?.state !== "deleted" && (!comment || comment.state === "approved")) this.total = Math.max(0, this.total - 1);
    if (comment && tombstone) {
      const { mine: _, ...rest } = comment;
      this.byId.set(id, { ...rest, author: null, body: "", html: "", state: "deleted" });
      this.#seen.set(id, offset);
      return "changed";
    }
    this.#gone.set(id, offset);
    if (this.#gone.size > GONE_MAX) this.#gone.delete(this.#gone.keys().next().value!);
    this.#seen.delete(id);
    return this.byId.delete(id) || !tombstone ? "changed" : "none";
  }

  #applyReactions({ id, reactions }: Pick<Comment, "id" | "reactions">, offset: number): Change {
    const comment = this.byId.get(id);
    if (!comment || offset < (this.#seen.get(id) ?? 0)) return "none";
    this.byId.set(id, { ...comment, reactions });
    return "changed";
  }

  /** Whether it belongs to a part of the list that is not loaded. */
  #isBeyond({ parent, root, created }: Comment, isMade: boolean): boolean {
    const last = this.#last;
    if (this.next === null || !last) return false;
    if (parent) return !this.byId.has(root) && !this.byId.has(parent);
    if (this.sort === "best") return !isMade;
    return this.sort === "newest" ? created < last.created : created > last.created;
  }

  #isGone(id: string, at: number): boolean {
    return (this.#gone.get(id) ?? -1) >= at;
  }

  /** False when something newer is known. `mine` is told only in answers, and stays. */
  #put(comment: Comment, at: number): boolean {
    const known = this.byId.get(comment.id);
    if (known && at < (this.#seen.get(comment.id) ?? 0)) return false;
    if (this.#isGone(comment.id, at)) return false;
    const mine = comment.mine ?? known?.mine;
    this.byId.set(comment.id, mine ? { ...comment, mine } : comment);
    this.#seen.set(comment.id, at);
    return true;
  }
}

/** By time of writing, then id: the one order that lists have. */
export function byTime(a: Comment, b: Comment): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
