/**
 * `<parlour-comments>`: a page's thread. Reads a page of comments, subscribes from the very position
 * of what it read, and keeps what is shown true. What is known is in `thread.ts`, the order in
 * `tree.ts`, what waits to be shown in `arrivals.ts`, a comment's looks in `article.ts`, writing in
 * `writing.ts`. What not every reader needs is loaded when it is needed: `acts.ts`, `further.ts`,
 * `permalink.ts`, `keys.ts`, `marks.ts`, `moderate.ts`.
 */
import type { ListQuery, Place } from "../client/api";
import type { ChannelEvent, Comment, CommentDeleted, CommentPage } from "../client/event";
import { stored } from "../client/identity";
import { parsePosition } from "../client/position";
import type { Position } from "../client/position";
import { keepReading } from "./anchor";
import { announcer } from "./announcer";
import { permalink, placeOf } from "./address";
import { Arrivals } from "./arrivals";
import { Article } from "./article";
import type { ArticleContext, Deed } from "./article";
import { define, ParlourElement } from "./element";
import { button, h, place, say, set } from "./h";
import type { Marks } from "./marks";
import { explain } from "./explain";
import { isLocal } from "./local";
import { storageOf } from "./storage";
import { sheets } from "./style";
import { surroundingsOf } from "./surroundings";
import type { Surroundings } from "./surroundings";
import { followTheme } from "./theme";
import { sortOf, Thread } from "./thread";
import { buildTree } from "./tree";
import type { Branch } from "./tree";
import type { Words } from "./words";
import { Writing } from "./writing";
import { Wire } from "./wire";
import own from "./comments.css";
import base from "./base.css";

const LIMIT = 50;
const LIMIT_MAX = 100;
/** How often the line about viewers changes at most; above a hundred it is rounded. */
const VIEWERS_MS = 5000;
const ROUNDED_FROM = 100;

/** One thread on the page, from start to end of its element's life. */
export class ThreadView {
  readonly element: ParlourElement;
  readonly words: Words;
  readonly signal: AbortSignal;
  readonly around: Surroundings;
  readonly place: Place;
  readonly thread: Thread;
  readonly articles = new Map<string, Article>();
  readonly feed = h("div.feed");
  readonly box: HTMLElement;
  readonly bar: HTMLElement;
  /** People whom the reader does not want to see, kept in this browser. */
  readonly hidden = new Set<string>(stored<string[]>(storageOf("localStorage"), "parlour:hidden"));
  readonly context: ArticleContext;
  readonly writing: Writing;
  readonly arrivals: Arrivals;
  /** What to post to; known once the thread was read. */
  channel: string | null = null;
  /** The comment that the address leads to: what is read is what stands around it. */
  target = permalink();
  /** A further page is being read. */
  isLoading = false;
  readonly #wire: Wire;
  readonly #announce: () => void;
  readonly #folded = new Set<string>();
  readonly #limit: number;
  readonly #count: HTMLElement;
  /** The form above the thread, or the line that there is none. */
  readonly #writer = h("div.writing");
  readonly #viewers = h("p.viewers", { hidden: true });
  readonly #notice = h("p.notice", { role: "alert", hidden: true });
  readonly #pill: HTMLButtonElement;
  readonly #more: HTMLButtonElement;
  #marks: Marks | undefined;
  #isRemembered = false;
  #closed: boolean | undefined;
  #renderQueued = false;
  #loaded = false;
  #viewing = 0;
  #viewingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(element: ParlourElement, root: ShadowRoot, words: Words, signal: AbortSignal) {
    this.element = element;
    this.words = words;
    this.signal = signal;
    this.around = surroundingsOf(element);
    this.place = placeOf(element);
    this.thread = new Thread(sortOf(element.getAttribute("sort")));
    this.#limit = Math.min(Math.trunc(Number(element.getAttribute("limit"))) || LIMIT, LIMIT_MAX);
    const [region, announce] = announcer((n) => words.count("thread.new", n), signal);
    this.#announce = announce;
    this.arrivals = new Arrivals(this.thread, this.feed, this.articles);
    this.#pill = button("button.pill", "", () => this.#showNew(""), { hidden: true });
    this.#more = button("button.more", words.say("thread.more"), () => this.#loadMore(), { hidden: true });
    this.context = this.#makeContext();
    this.writing = new Writing(this);
    this.#wire = new Wire(this.around.connection, ["viewers"], signal, {
      read: () => this.#read(),
      event: (event) => this.#hear(event),
      lost: (isLost) => this.notify(isLost ? words.say("thread.reconnecting") : ""),
    });
    const label = words.say("thread.label");
    this.#count = h("h2.count", {}, label);
    this.bar = h("div.bar", {}, this.#count, this.#viewers);
    // What the page brought along, rendered by the server, is shown until the thread is there.
    this.feed.append(h("slot", {}, h("p.hint", {}, words.say("thread.loading"))));
    const pill = h("div.pill-place", {}, this.#pill);
    const isOldest = this.thread.sort === "oldest";
    this.box = h("section.box", { "aria-label": label, lang: words.lang, dir: words.dir },
      this.bar, this.#writer, this.#notice, region, !isOldest && pill, this.feed, this.#more, isOldest && pill);
    // By then the event is over, and knows its target no more.
    this.box.addEventListener("keydown", (event) => {
      const target = event.target as HTMLElement;
      void import("./keys").then(({ pressed }) => pressed(this, event, target), () => {});
    });
    root.adoptedStyleSheets = sheets(base, own);
    place(root, [this.box]);
    followTheme(element, this.box, signal);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#viewingTimer);
      this.articles.forEach((article) => article.discard());
    });
    addEventListener("hashchange", () => this.#followLink(), { signal });
    this.#setClosed(false);
    if (element.hasAttribute("title-count")) void import("./title").then(({ countInTitle }) => countInTitle(this), () => {});
    void this.open();
  }

  #makeContext(): ArticleContext {
    const { words, around, thread } = this;
    return {
      words,
      server: around.server,
      canReply: () => !this.#closed,
      isOwn: ({ id, author }) => isLocal(id) || this.isOwn(author),
      isHidden: ({ author }) => this.hidden.has(author?.id ?? ""),
      isFolded: (id) => this.#folded.has(id),
      said: (comment) => this.writing.said(comment),
      waiting: (id) => this.arrivals.waiting(id),
      isCut: (id) => thread.more.has(id),
      act: (deed, article, detail, target) => this.#act(deed, article, detail, target),
    };
  }

  isOwn(author: { id: string } | null): boolean {
    return this.around.identity.isOwn(author?.id);
  }

  /** Something is different: shown soon, what comes in one go in one go. */
  changed(): void {
    if (this.#renderQueued) return;
    this.#renderQueued = true;
    queueMicrotask(() => {
      this.#renderQueued = false;
      if (!this.signal.aborted && this.#loaded) this.render();
    });
  }

  /** The comment that was shown as `from` is known as `to` now; its element stays. */
  rename(from: string, to: string): void {
    const article = this.articles.get(from);
    this.arrivals.free(to);
    this.articles.delete(from);
    if (article && !this.articles.has(to)) this.articles.set(to, article);
    else article?.discard();
  }

  /** Says above the thread what did not work. */
  async fail(error: unknown, retry?: () => void): Promise<void> {
    if (!this.signal.aborted) this.notify(await explain(error, this.words), retry);
  }

  notify(text: string, retry?: () => void): void {
    this.#notice.hidden = !text;
    this.#notice.textContent = `${text} `;
    if (retry) this.#notice.append(button("button", this.words.say("problem.retry"), retry));
  }

  /** Shows the form, or that there is none. */
  #setClosed(closed: boolean): void {
    if (closed === this.#closed) return;
    this.#closed = closed;
    place(this.#writer, [closed ? h("p.hint", {}, this.words.say("thread.closed")) : this.writing.form()]);
    // Answers can be written again, or not: their buttons are drawn by the next rendering.
    this.changed();
  }

  /** Reads, then listens from there; on failure says so and offers another try. */
  async open(): Promise<void> {
    this.notify("");
    set(this.feed, "aria-busy", "true");
    try {
      await this.#wire.open();
      this.element.tell("ready", { channel: this.channel });
    } catch (error) {
      if (this.signal.aborted) return;
      void this.fail(error, () => void this.open());
      this.element.tell("error", { error });
    }
    set(this.feed, "aria-busy", null);
  }

  ask(where: Place, query: ListQuery): Promise<CommentPage> {
    return this.around.api.comments(where, { limit: this.#limit, sort: this.thread.sort, view: "tree", ...query }, this.signal);
  }

  /** Reads the first page, as much as is shown already; answers where to listen. */
  async #read(): Promise<{ channel: string; position: Position | null }> {
    const { thread, around, target } = this;
    const roots = this.#loaded ? this.feed.children.length : 0;
    const isFirst = !this.#loaded;
    // What the page brought along, rendered by the server, is as good as read.
    const brought = isFirst && this.element.querySelector(".parlour-thread") && (await import("./takeover").then(({ pageIn }) => pageIn(this), () => null));
    const page = brought || await this.ask(this.place, { limit: Math.min(LIMIT_MAX, Math.max(this.#limit, roots)), "around": target }).catch((error: unknown) => {
      // The comment that the address leads to may be gone.
      if (!target || this.signal.aborted) throw error;
      this.target = undefined;
      return this.ask(this.place, {});
    });
    this.#loaded = true;
    thread.reset(page);
    this.arrivals.clear();
    this.channel = page.channel;
    for (const { mine, author } of page.comments) if (mine?.deletable && mine.editable_until && author) around.identity.own(author.id);
    await this.remember();
    this.render();
    if (isFirst) this.#followLink();
    return { channel: page.channel, position: parsePosition(page.position) };
  }

  /** What only those need whom the browser remembers: marks of what is new, tools for moderators. Not loaded: the thread is the same without. */
  async remember(): Promise<void> {
    if (this.#isRemembered || !this.around.identity.remembered) return;
    this.#isRemembered = true;
    this.#marks = await import("./marks").then(({ remember }) => remember(this)).catch(() => undefined);
    this.changed();
  }

  /** The browser does not find `#parlour-ID` inside a shadow root. */
  #followLink(): void {
    if (permalink() && this.#loaded) void import("./permalink").then(({ follow }) => follow(this), (error: unknown) => this.fail(error));
  }

  #loadMore(parent?: string): void {
    void import("./further").then(({ loadMore }) => loadMore(this, parent)).catch((error: unknown) => this.fail(error));
  }

  #hear(event: ChannelEvent): void {
    if (event.name === "viewers") return this.#showViewers((event.data as { count: number }).count);
    const deleted = event.name === "comment.deleted" ? (event.data as CommentDeleted) : undefined;
    const gone = this.articles.get(deleted?.id ?? "");
    // Its place stays as high as it was until the reader does something (`gone.ts`), so that nothing moves.
    if (gone) void import("./gone").then(({ leave }) => leave(this, gone, event), () => {});
    gone?.keepHeight(true);
    const change = this.thread.apply(gone ? { ...event, data: { ...deleted, tombstone: true } } : event);
    if (change === "read") return this.#wire.readAgain();
    if (change === "none") return;
    if (change === "added") {
      const comment = event.data as Comment;
      if (this.isOwn(comment.author)) this.writing.met(comment);
      else {
        this.#announce();
        this.arrivals.add(comment);
      }
    }
    this.changed();
  }

  /** What changes within a pause is said after it. */
  #showViewers(count: number): void {
    this.#viewing = count;
    if (this.#viewingTimer) return;
    this.#viewers.hidden = count < 2;
    say(this.#viewers, this.words.count("viewers", count > ROUNDED_FROM ? Math.round(count / 10) * 10 : count));
    this.element.tell("presence", { channel: this.channel, viewers: count });
    this.#viewingTimer = setTimeout(() => {
      this.#viewingTimer = undefined;
      if (count !== this.#viewing) this.#showViewers(this.#viewing);
    }, VIEWERS_MS);
  }

  #act(deed: Deed, article: Article, detail: string, target: HTMLElement): void {
    const { id } = article.comment;
    if (deed === "reply") this.writing.reply(article);
    else if (deed === "new") this.#showNew(id);
    else if (deed === "more") this.#loadMore(id);
    else if (deed === "fold") {
      if (!this.#folded.delete(id)) this.#folded.add(id);
      this.changed();
    } else void import("./acts").then(({ act }) => act(this, article, deed, detail, target)).catch((error: unknown) => this.fail(error));
  }

  #showNew(under: string): void {
    void import("./further").then(({ showNew }) => showNew(this, under)).catch((error: unknown) => this.fail(error));
  }

  render(): void {
    const { feed, thread, words } = this;
    keepReading(this.element, feed.querySelectorAll(".content"), () => this.#arrange());
    const { total, next, closed } = thread;
    say(this.#count, words.count("thread.count", total));
    this.#more.hidden = next === null;
    const news = this.arrivals.waiting("") + this.arrivals.overflowed;
    this.#pill.hidden = !news;
    if (news) say(this.#pill, words.count("thread.new", news));
    this.#setClosed(closed);
    this.element.tell("count", { channel: this.channel, place: this.place, server: this.around.server, comments: total });
  }

  #arrange(): void {
    const { thread, articles, feed, words } = this;
    const stale = new Set(articles.keys());
    const show = (branch: Branch): Article => {
      const { comment } = branch;
      stale.delete(comment.id);
      let article = articles.get(comment.id);
      if (!article) articles.set(comment.id, (article = new Article(comment, this.context)));
      article.update(branch, branch.answers.map(show));
      return article;
    };
    const roots = buildTree([...this.arrivals.shown(), ...this.writing.locals()], thread.sort, thread.listed).map(show);
    const rest = this.#dropStale(stale);
    roots.forEach(({ element }, index) => {
      set(element, "aria-posinset", index + 1);
      set(element, "aria-setsize", thread.next === null ? roots.length : -1);
    });
    if (!feed.querySelector('article[tabindex="0"]')) set(roots[0]?.element ?? feed, "tabindex", 0);
    set(feed, "role", roots[0] && "feed");
    set(feed, "aria-label", roots[0] && words.say("thread.label"));
    place(feed, roots[0] ? roots.map(({ element }) => element) : [h("p.hint", {}, words.say("thread.empty"))]);
    this.#marks?.mark();
    rest?.focus({ preventScroll: true });
  }

  /** Takes away what is gone; answers what is to have the focus in place of it: the next comment that stays, else one before. */
  #dropStale(stale: ReadonlySet<string>): HTMLElement | undefined {
    const all = [...this.feed.querySelectorAll("article")];
    const at = all.findIndex((article) => stale.has(article.dataset["id"]!) && article.matches(":focus-within"));
    for (const id of stale) {
      this.articles.get(id)!.discard();
      this.articles.delete(id);
    }
    return at < 0 ? undefined : [...all.slice(at), ...all.slice(0, at).reverse()].find((article) => !stale.has(article.dataset["id"]!)) ?? this.feed;
  }
}

class ParlourComments extends ParlourElement {
  protected override start(words: Words, signal: AbortSignal): void {
    new ThreadView(this, this.root, words, signal);
  }
}

define("parlour-comments", ParlourComments);
