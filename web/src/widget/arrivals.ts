/**
 * What came while the reader reads, and is not shown yet: new comments wait behind a pill, new answers
 * behind a button under what they answer. A comment is shown at once only where nothing on the screen
 * moves for it: at the end of the list, below the screen, or in a thread that nobody looks at yet.
 */
import type { Comment } from "../client/event";
import type { Article } from "./article";
import type { Thread } from "./thread";

/** So near to the end counts as at the end. */
const END_PX = 80;
/** More are not kept while they wait. */
const HELD_MAX = 50;

export class Arrivals {
  /** What waits, as it came. */
  readonly held = new Set<string>();
  /** How many wait under each comment, and (at "") as roots; counted once for each rendering. */
  readonly #counts = new Map<string, number>();
  readonly #thread: Thread;
  readonly #feed: HTMLElement;
  readonly #articles: ReadonlyMap<string, Article>;
  /** So much came that not all is kept: to see it, the thread is read again. */
  overflowed = 0;

  constructor(thread: Thread, feed: HTMLElement, articles: ReadonlyMap<string, Article>) {
    this.#thread = thread;
    this.#feed = feed;
    this.#articles = articles;
  }

  /** Takes a comment that came live; it is held unless showing it moves nothing. */
  add(comment: Comment): void {
    if (this.#isFree(comment)) return;
    this.held.add(comment.id);
    if (this.held.size <= HELD_MAX) return;
    const [oldest] = this.held;
    this.held.delete(oldest!);
    this.#thread.forget(oldest!);
    this.overflowed++;
  }

  #isFree({ parent, root }: Comment): boolean {
    const { bottom: end, top } = this.#feed.getBoundingClientRect();
    if (this.#articles.size === 0 || top >= innerHeight) return true;
    if (!parent && this.#thread.sort === "oldest") return end > 0 && end <= innerHeight + END_PX;
    if (!parent) return false;
    const above = this.#articles.get(parent) ?? this.#articles.get(root);
    // Behind what is held itself it does not show.
    if (!above) return true;
    const { bottom } = above.element.getBoundingClientRect();
    return bottom >= innerHeight || (bottom > 0 && bottom >= end - 1);
  }

  /** What is known and to be shown. */
  shown(): Comment[] {
    const { byId: comments } = this.#thread;
    this.#counts.clear();
    for (const id of this.held) {
      const comment = comments.get(id);
      if (!comment) this.held.delete(id);
      else {
        const { parent, root } = comment;
        const under = !parent ? "" : comments.has(parent) ? parent : root;
        this.#counts.set(under, this.waiting(under) + 1);
      }
    }
    const all = [...comments.values()];
    const isShown = (comment: Comment | undefined): boolean => {
      for (; comment; comment = comments.get(comment.parent ?? "")) if (this.held.has(comment.id)) return false;
      return true;
    };
    return this.held.size ? all.filter(isShown) : all;
  }

  /** How many wait under the comment `parent`, or as roots (""), as of the last rendering. */
  waiting(parent: string): number {
    return this.#counts.get(parent) ?? 0;
  }

  /** Lets this one be shown. */
  free(id: string): void {
    this.held.delete(id);
  }

  clear(): void {
    this.held.clear();
    this.overflowed = 0;
  }
}
