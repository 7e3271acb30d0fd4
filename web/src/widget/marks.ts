/**
 * What is new since the reader's last visit, loaded for those whom the browser remembers anyway
 * because they wrote something here: reading alone stores nothing. What was new at the start stays
 * marked until the page is left.
 */
import english from "../locales/en.json";
import { claimsOf } from "../client/claims";
import { h } from "./h";
import { storageOf } from "./storage";
import type { ThreadView } from "./comments";

const PAGES_MAX = 100;

export class Marks {
  readonly #view: ThreadView;
  readonly #key: string;
  readonly #line: HTMLElement;
  /** The newest comment of the last visit, in RFC 3339; empty at the first. */
  readonly #seen: string;
  #newest = "";

  constructor(view: ThreadView) {
    this.#view = view;
    this.#key = `parlour:seen:${view.around.server}`;
    this.#line = h("p.since", { role: "separator" }, view.words.learn(english).say("thread.since"));
    this.#seen = this.#newest = (this.#read()[view.channel!] ?? "").split(" ")[0]!;
    const keep = (): void => this.#keep();
    document.addEventListener("visibilitychange", keep, { signal: view.signal });
    addEventListener("pagehide", keep, { signal: view.signal });
    view.signal.addEventListener("abort", keep);
  }

  /** Marks what is shown; the line goes where the new ones end, or (oldest first) begin. */
  mark(): void {
    const { articles, feed, thread } = this.#view;
    const isNew = (comment: { created: string; author: { id: string } | null }): boolean =>
      this.#seen !== "" && comment.created > this.#seen && !this.#view.isOwn(comment.author);
    for (const { comment, element } of articles.values()) {
      if (comment.created > this.#newest && !comment.id.startsWith("~")) this.#newest = comment.created;
      element.toggleAttribute("data-unread", isNew(comment));
    }
    const roots = [...feed.children].filter((child): child is HTMLElement => child.localName === "article");
    const isUnread = ({ dataset }: HTMLElement): boolean => dataset["unread"] !== undefined;
    const at = thread.sort === "oldest" ? roots.find(isUnread) : roots[roots.findLastIndex(isUnread) + 1];
    const isWorth = thread.sort !== "best" && roots.some(isUnread) && at;
    if (!isWorth) this.#line.remove();
    else if (at.previousSibling !== this.#line) at.before(this.#line);
  }

  /** Channel → the newest comment of the last visit, and how many there were (`unseen.ts` reads it too). */
  #read(): Record<string, string> {
    try {
      return JSON.parse(storageOf("localStorage")?.getItem(this.#key) ?? "{}") as Record<string, string>;
    } catch {
      // Blocked or broken storage is an empty one.
      return {};
    }
  }

  #keep(): void {
    const { channel, thread } = this.#view;
    if (!this.#newest || !channel) return;
    const { [channel]: _, ...others } = this.#read();
    try {
      storageOf("localStorage")?.setItem(this.#key, JSON.stringify(Object.fromEntries([...Object.entries(others), [channel, `${this.#newest} ${thread.total}`]].slice(-PAGES_MAX))));
    } catch {
      // Full or blocked: next time nothing is marked.
    }
  }
}

/** Marks for everyone who is remembered; for those who may moderate what that needs, too. */
export async function remember(view: ThreadView): Promise<Marks> {
  const { identity } = view.around;
  const role = identity.signedIn && claimsOf((await identity.token()) ?? "")["role"];
  if (role === "moderator" || role === "admin") (await import("./moderate")).moderate(view);
  // Whoever signed in here sees it in the form, and the ways out.
  if (identity.holder) view.box.querySelector(".writing form")?.dispatchEvent(new Event("focusin"));
  return new Marks(view);
}
