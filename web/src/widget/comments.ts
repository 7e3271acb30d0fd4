/**
 * `<parlour-comments>`: a page's thread. Reads a page of comments, subscribes from the very position
 * of what it read, and keeps what is shown true. What is known is in `thread.ts`, the order in
 * `tree.ts`, a comment's looks in `article.ts`, writing in `writing.ts`.
 */
import { parsePosition } from "../client/position";
import { keepReading } from "./anchor";
import { Announcer } from "./announcer";
import { placeOf } from "./address";
import { Article } from "./article";
import { define, ParlourElement } from "./element";
import { h, place, say, set } from "./h";
import { describe } from "./problem";
import { sheets } from "./style";
import { surroundingsOf } from "./surroundings";
import { followTheme } from "./theme";
import { Thread } from "./thread";
import { buildTree, sortOf } from "./tree";
import type { Branch } from "./tree";
import { Words } from "./words";
import { Writing } from "./writing";
import { Wire } from "./wire";
import own from "./comments.css";
import base from "./base.css";

const LIMIT = 50;
const LIMIT_MAX = 100;

/** How many comments are read at once: the attribute, within what the server takes. */
function limitOf(element: Element): number {
  const asked = Math.floor(Number(element.getAttribute("limit")));
  return asked >= 1 ? Math.min(asked, LIMIT_MAX) : LIMIT;
}

type Tell = (name: string, detail: unknown) => void;

/** One thread on the page, from start to end of its element's life. */
class ThreadView {
  readonly #element: HTMLElement;
  readonly #signal: AbortSignal;
  readonly #tell: Tell;
  readonly #words: Words;
  readonly #around;
  readonly #thread = new Thread();
  readonly #articles = new Map<string, Article>();
  readonly #writing: Writing;
  readonly #wire: Wire;
  readonly #announcer: Announcer;
  readonly #count = h("h2", { part: "count" });
  readonly #viewers = h("p", { class: "viewers", part: "viewers", hidden: true });
  readonly #notice = h("p", { class: "notice", part: "notice", role: "alert", hidden: true });
  readonly #feed = h("div", { class: "feed", part: "feed", role: "feed" });
  readonly #more: HTMLButtonElement;
  #renderQueued = false;
  #loaded = false;

  constructor(element: HTMLElement, root: ShadowRoot, lang: string, tell: Tell, signal: AbortSignal) {
    this.#element = element;
    this.#signal = signal;
    this.#tell = tell;
    this.#words = new Words(lang);
    this.#around = surroundingsOf(element);
    this.#announcer = new Announcer((n) => this.#words.count("thread.new", n), signal);
    const say_ = (key: string): string => this.#words.say(key);
    this.#more = h("button", { class: "more", part: "button more", type: "button", hidden: true, onclick: () => void this.#loadMore() }, say_("thread.more"));
    this.#writing = new Writing({
      words: this.#words,
      around: this.#around,
      thread: this.#thread,
      place: () => placeOf(element),
      changed: () => this.#renderSoon(),
      posted: (comment) => tell("comment", { comment }),
      signal,
    });
    this.#wire = new Wire(this.#around.connection, ["viewers"], signal, {
      read: () => this.#read(),
      event: (event) => this.#hear(event.name, this.#thread.apply(event), event.data),
      lost: (isLost) => this.#notify(isLost ? say_("thread.reconnecting") : ""),
    });
    set(this.#feed, "aria-label", say_("thread.label"));
    const box = h("section", { class: "box", part: "box", "aria-label": say_("thread.label"), lang: this.#words.lang },
      h("div", { class: "bar" }, this.#count, this.#viewers), this.#writing.element, this.#notice, this.#announcer.element, this.#feed, this.#more);
    root.adoptedStyleSheets = sheets(base, own);
    place(root as unknown as Element, [box]);
    followTheme(element, box, signal);
    this.#feed.append(h("p", { class: "hint" }, say_("thread.loading")));
    void this.#open();
  }

  /** Reads, then listens from there; on failure says so and offers another try. */
  async #open(): Promise<void> {
    this.#notify("");
    set(this.#feed, "aria-busy", "true");
    try {
      await this.#wire.open();
      this.#tell("ready", { channel: this.#writing.channel });
    } catch (error) {
      if (this.#signal.aborted) return;
      this.#notify(describe(error, this.#words), () => void this.#open());
      if (!this.#loaded) place(this.#feed, []);
      this.#tell("error", { error });
    } finally {
      set(this.#feed, "aria-busy", null);
    }
  }

  /** Reads the first page, as much as is shown already; answers where to listen. */
  async #read(): Promise<{ channel: string; position: ReturnType<typeof parsePosition> }> {
    const element = this.#element;
    const limit = Math.min(LIMIT_MAX, Math.max(limitOf(element), this.#thread.comments.size));
    const page = await this.#around.api.comments(placeOf(element), { limit, sort: sortOf(element.getAttribute("sort")) }, this.#signal);
    this.#thread.reset(page);
    this.#writing.channel = page.channel;
    for (const { mine, author } of page.comments) if (mine?.deletable && mine.editable_until && author) this.#around.identity.own(author.id);
    this.#render();
    if (!this.#loaded) this.#goToPermalink();
    this.#loaded = true;
    return { channel: page.channel, position: parsePosition(page.position) };
  }

  async #loadMore(): Promise<void> {
    const before = this.#thread.next;
    if (!before || this.#more.ariaDisabled) return;
    this.#more.ariaDisabled = "true";
    const known = new Set(this.#articles.keys());
    try {
      const query = { limit: limitOf(this.#element), sort: sortOf(this.#element.getAttribute("sort")), before };
      const page = await this.#around.api.comments({ channel: this.#writing.channel! }, query, this.#signal);
      this.#thread.extend(page);
      this.#notify("");
      this.#render();
      const first = page.comments.map(({ id }) => this.#articles.get(id)).find((article) => article && !known.has(article.comment.id));
      first?.element.focus({ preventScroll: true });
    } catch (error) {
      if (!this.#signal.aborted) this.#notify(describe(error, this.#words));
    } finally {
      this.#more.ariaDisabled = null;
    }
  }

  #hear(name: string, change: ReturnType<Thread["apply"]>, data: unknown): void {
    if (name === "viewers") return this.#showViewers((data as { count: number }).count);
    if (change === "read") return void this.#wire.readAgain();
    if (change === "none") return;
    if (change === "added") {
      const { author } = data as { author: { id: string } | null };
      if (!this.#around.identity.isOwn(author?.id)) this.#announcer.add();
    }
    this.#renderSoon();
  }

  #showViewers(count: number): void {
    this.#viewers.hidden = count < 2;
    say(this.#viewers, this.#words.count("viewers", count));
    this.#tell("presence", { channel: this.#writing.channel, viewers: count });
  }

  #notify(text: string, retry?: () => void): void {
    this.#notice.hidden = !text;
    if (this.#notice.dataset["text"] === text) return;
    this.#notice.dataset["text"] = text;
    this.#notice.replaceChildren(text);
    if (retry) this.#notice.append(" ", h("button", { type: "button", part: "button", onclick: retry }, this.#words.say("problem.retry")));
  }

  /** What arrives in one go is shown in one go. */
  #renderSoon(): void {
    if (this.#renderQueued) return;
    this.#renderQueued = true;
    queueMicrotask(() => {
      this.#renderQueued = false;
      if (!this.#signal.aborted) this.#render();
    });
  }

  #render(): void {
    const inOrder = [...this.#feed.querySelectorAll(".content")];
    keepReading(this.#element, inOrder, () => this.#arrange());
    const { total, next, closed } = this.#thread;
    say(this.#count, this.#words.count("thread.count", total));
    this.#more.hidden = next === null;
    this.#writing.setClosed(closed);
    this.#tell("count", { channel: this.#writing.channel, place: placeOf(this.#element), server: this.#around.server, comments: total });
  }

  #arrange(): void {
    const stale = new Set(this.#articles.keys());
    const show = (branch: Branch): Article => {
      const { comment } = branch;
      stale.delete(comment.id);
      let article = this.#articles.get(comment.id);
      if (!article) this.#articles.set(comment.id, (article = new Article(comment, this.#writing.articleContext)));
      article.update(branch, branch.answers.map(show));
      return article;
    };
    const roots = buildTree(this.#thread.comments.values(), sortOf(this.#element.getAttribute("sort"))).map(show);
    for (const id of stale) {
      this.#articles.get(id)?.discard();
      this.#articles.delete(id);
    }
    roots.forEach((article, index) => {
      set(article.element, "aria-posinset", index + 1);
      set(article.element, "aria-setsize", this.#thread.next === null ? roots.length : -1);
    });
    const empty = h("p", { class: "hint empty" }, this.#words.say("thread.empty"));
    place(this.#feed, roots.length ? roots.map((article) => article.element) : [empty]);
  }

  /** The browser does not find `#parlour-ID` inside a shadow root. */
  #goToPermalink(): void {
    const id = /^#parlour-([a-z][a-z0-9]{0,39})$/.exec(location.hash)?.[1];
    const article = id ? this.#articles.get(id) : undefined;
    if (!article) return;
    set(article.element, "data-target", true);
    article.element.scrollIntoView({ block: "center", behavior: "instant" });
    article.element.focus({ preventScroll: true });
  }
}

class ParlourComments extends ParlourElement {
  protected override start(signal: AbortSignal): void {
    new ThreadView(this, this.root, this.language, (name, detail) => this.tell(name, detail), signal);
  }
}

define("parlour-comments", ParlourComments);
