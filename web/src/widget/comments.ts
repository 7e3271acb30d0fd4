/**
 * `<parlour-comments>`: a page's thread. Reads a page of comments, subscribes from the very position
 * of what it read, and keeps what is shown true. What is known is in `thread.ts`, the order in
 * `tree.ts`, what waits to be shown in `arrivals.ts`, a comment's looks in `article.ts`
 * . What not every reader needs is loaded when it is needed: `writing.ts`, `acts.ts`,
 * `keys.ts`, `marks.ts`, `moderate.ts`.
 */
import type { ListQuery, Place } from "../client/api";
import type { ChannelEvent, Comment, CommentPage } from "../client/event";
import { stored } from "../client/identity";
import { parsePosition } from "../client/position";
import type { Position } from "../client/position";
import { keepReading } from "./anchor";
import { Announcer } from "./announcer";
import { placeOf } from "./address";
import { Arrivals } from "./arrivals";
import { Article } from "./article";
import type { ArticleContext, Deed } from "./article";
import { define, ParlourElement } from "./element";
import { button, h, place, say, set } from "./h";
import type { Marks } from "./marks";
import { explain } from "./explain";
import { bareForm } from "./form";
import { storageOf } from "./storage";
import { sheets } from "./style";
import { surroundingsOf } from "./surroundings";
import type { Surroundings } from "./surroundings";
import { followTheme } from "./theme";
import { sortOf, Thread } from "./thread";
import { buildTree } from "./tree";
import type { Branch } from "./tree";
import type { Words } from "./words";
import type { Writing } from "./writing";
import { Wire } from "./wire";
import own from "./comments.css";
import base from "./base.css";

const LIMIT = 50;
const LIMIT_MAX = 100;
/** How often the line about viewers changes at most; above a hundred it is rounded. */
const VIEWERS_MS = 5000;
const ROUNDED_FROM = 100;

/** The comment that the address leads to. */
const permalink = (): string | undefined => /^#parlour-([a-z][a-z0-9]{0,39})$/.exec(location.hash)?.[1];

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
  /** The form above the thread, or the line that there is none. */
  readonly writer = h("div.writing");
  readonly context: ArticleContext;
  /** What to post to; known once the thread was read. */
  channel: string | null = null;
  readonly #wire: Wire;
  readonly #announcer: Announcer;
  readonly #arrivals: Arrivals;
  readonly #folded = new Set<string>();
  readonly #limit: number;
  readonly #count: HTMLElement;
  readonly #viewers = h("p.viewers", { hidden: true });
  readonly #notice = h("p.notice", { role: "alert", hidden: true });
  readonly #pill: HTMLButtonElement;
  readonly #more: HTMLButtonElement;
  readonly #whole: HTMLButtonElement;
  #marks: Marks | undefined;
  #writing: Writing | undefined;
  #writingLoaded: Promise<Writing> | undefined;
  #closed: boolean | undefined;
  #around: string | undefined;
  #renderQueued = false;
  #loaded = false;
  #isLoading = false;
  #viewing = 0;
  #viewingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(element: ParlourElement, root: ShadowRoot, words: Words, signal: AbortSignal) {
    this.element = element;
    this.words = words;
    this.signal = signal;
    this.around = surroundingsOf(element);
    this.place = placeOf(element);
    this.thread = new Thread(sortOf(element.getAttribute("sort")));
    const asked = Math.trunc(Number(element.getAttribute("limit")));
    this.#limit = asked > 0 ? Math.min(asked, LIMIT_MAX) : LIMIT;
    this.#around = permalink();
    this.#announcer = new Announcer((n) => words.count("thread.new", n), signal);
    this.#arrivals = new Arrivals(this.thread, this.feed, this.articles);
    this.#pill = button("button.pill", "", () => this.#showNew(""), { hidden: true });
    this.#more = button("button.more", words.say("thread.more"), () => void this.#loadMore(), { hidden: true });
    this.#whole = button("button.whole", words.say("thread.whole"), () => void this.#readWhole(), { hidden: true });
    this.context = this.#makeContext();
    this.#wire = new Wire(this.around.connection, ["viewers"], signal, {
      read: () => this.#read(),
      event: (event) => this.#hear(event),
      lost: (isLost) => this.#notify(isLost ? words.say("thread.reconnecting") : ""),
    });
    const label = words.say("thread.label");
    this.#count = h("h2.count", {}, label);
    this.bar = h("div.bar", {}, this.#count, this.#viewers);
    // What the page brought along, rendered by the server, is shown until the thread is there.
    this.feed.append(h("slot", {}, h("p.hint", {}, words.say("thread.loading"))));
    const pill = h("div.pill-place", {}, this.#pill);
    const isOldest = this.thread.sort === "oldest";
    this.box = h("section.box", { "aria-label": label, lang: words.lang, dir: words.dir },
      this.bar, this.writer, this.#notice, this.#announcer.element, this.#whole, !isOldest && pill, this.feed, this.#more, isOldest && pill);
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
    addEventListener("hashchange", () => this.#goToPermalink(), { signal });
    this.#setClosed(false);
    if (this.around.identity.account || hasUnfinished(this.around.unsentKey)) void this.write(() => this.changed());
    void this.#open();
  }

  #makeContext(): ArticleContext {
    const { words, around, thread } = this;
    return {
      words,
      server: around.server,
      canReply: () => !this.#closed,
      isOwn: ({ id, author }) => id[0] === "~" || this.isOwn(author),
      isHidden: ({ author }) => this.hidden.has(author?.id ?? ""),
      isFolded: (id) => this.#folded.has(id),
      said: (comment) => this.#writing?.said(comment) ?? words.say(`comment.${comment.state}`),
      waiting: (id) => this.#arrivals.waiting(id),
      isCut: (id) => thread.more.has(id),
      act: (deed, article, detail) => this.#act(deed, article, detail),
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
      if (!this.signal.aborted && this.#loaded) this.#render();
    });
  }

  /** The comment that was shown as `from` is known as `to` now; its element stays. */
  rename(from: string, to: string): void {
    const article = this.articles.get(from);
    this.#arrivals.free(to);
    this.articles.delete(from);
    if (article && !this.articles.has(to)) this.articles.set(to, article);
    else article?.discard();
  }

  /** Says under `article` what did not work. */
  async complain(article: Article, error: unknown): Promise<void> {
    article.showForm(h("p.error", { role: "alert" }, await explain(error, this.words)));
  }

  /** Does what needs the parts for writing. */
  async write(act: (writing: Writing) => void): Promise<void> {
    this.#writingLoaded ??= import("./writing").then(({ Writing }) => {
      const writing = (this.#writing = new Writing(this));
      const form = this.writer.querySelector("form");
      if (form) writing.equip(form);
      return writing;
    });
    try {
      act(await this.#writingLoaded);
    } catch (error) {
      this.#writingLoaded = undefined;
      void this.#fail(error);
    }
  }

  /** Shows the form, or that there is none. */
  #setClosed(closed: boolean): void {
    if (closed === this.#closed) return;
    this.#closed = closed;
    const { words } = this;
    if (closed) return place(this.writer, [h("p.hint", {}, words.say("thread.closed"))]);
    const form = bareForm(words.say("form.label"), words.say("form.send"));
    place(this.writer, [form]);
    if (this.#writing) this.#writing.equip(form);
    else {
      form.addEventListener("focusin", () => void this.write(() => {}), { once: true });
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void this.write((writing) => writing.send());
      }, { once: true });
    }
    // Answers can be written again: their buttons are drawn by the next rendering.
    this.changed();
  }

  async #fail(error: unknown, retry?: () => void): Promise<void> {
    if (!this.signal.aborted) this.#notify(await explain(error, this.words), retry);
  }

  /** Reads, then listens from there; on failure says so and offers another try. */
  async #open(): Promise<void> {
    this.#notify("");
    set(this.feed, "aria-busy", "true");
    try {
      await this.#wire.open();
      this.element.tell("ready", { channel: this.channel });
    } catch (error) {
      if (this.signal.aborted) return;
      void this.#fail(error, () => void this.#open());
      this.element.tell("error", { error });
    }
    set(this.feed, "aria-busy", null);
  }

  #ask(where: Place, query: ListQuery): Promise<CommentPage> {
    return this.around.api.comments(where, { limit: this.#limit, sort: this.thread.sort, view: "tree", ...query }, this.signal);
  }

  /** Reads the first page, as much as is shown already; answers where to listen. */
  async #read(): Promise<{ channel: string; position: Position | null }> {
    const { thread, around } = this;
    const roots = this.#loaded ? this.feed.querySelectorAll(":scope > article").length : 0;
    const query = { limit: Math.min(LIMIT_MAX, Math.max(this.#limit, roots)), around: this.#around };
    const page = await this.#ask(this.place, query).catch((error: unknown) => {
      // The comment that the address leads to may be gone.
      if (!this.#around || this.signal.aborted) throw error;
      this.#around = undefined;
      return this.#ask(this.place, { ...query, around: undefined });
    });
    const isFirst = !this.#loaded;
    this.#loaded = true;
    thread.reset(page);
    this.#arrivals.clear();
    this.channel = page.channel;
    for (const { mine, author } of page.comments) if (mine?.deletable && mine.editable_until && author) around.identity.own(author.id);
    if (isFirst && around.identity.remembered) await this.#loadForMembers();
    this.#render();
    if (isFirst) this.#goToPermalink();
    return { channel: page.channel, position: parsePosition(page.position) };
  }

  /** What only those need whom the browser remembers: marks of what is new, tools for moderators. */
  async #loadForMembers(): Promise<void> {
    try {
      this.#marks = await (await import("./marks")).remember(this);
    } catch {
      // Not loaded: the thread is the same without.
    }
  }

  async #readWhole(): Promise<void> {
    this.#around = undefined;
    await this.#open();
  }

  async #loadMore(parent?: string): Promise<void> {
    const { thread, articles } = this;
    const before = parent ? thread.more.get(parent) : thread.next;
    if (!before || this.#isLoading) return;
    const known = new Set(articles.keys());
    this.#isLoading = true;
    try {
      const page = await this.#ask({ channel: this.channel! }, { before, parent });
      thread.extend(page, parent);
      this.#notify("");
      this.#render();
      const first = page.comments.map(({ id }) => articles.get(id)).find((article) => article && !known.has(article.comment.id));
      first?.element.focus({ preventScroll: true });
    } catch (error) {
      void this.#fail(error);
    }
    this.#isLoading = false;
  }

  #hear(event: ChannelEvent): void {
    if (event.name === "viewers") return this.#showViewers((event.data as { count: number }).count);
    const change = this.thread.apply(event);
    if (change === "read") return void this.#wire.readAgain();
    if (change === "none") return;
    if (change === "added") {
      const comment = event.data as Comment;
      if (this.isOwn(comment.author)) this.#writing?.met(comment);
      else {
        this.#announcer.add();
        this.#arrivals.add(comment);
      }
    }
    this.changed();
  }

  /** What changes within a pause is said after it. */
  #showViewers(count: number): void {
    const said = this.#viewing;
    this.#viewing = count;
    if (this.#viewingTimer) return;
    this.#viewers.hidden = count < 2;
    say(this.#viewers, this.words.count("viewers", count > ROUNDED_FROM ? Math.round(count / 10) * 10 : count));
    if (count === said) return;
    this.element.tell("presence", { channel: this.channel, viewers: count });
    this.#viewingTimer = setTimeout(() => {
      this.#viewingTimer = undefined;
      this.#showViewers(this.#viewing);
    }, VIEWERS_MS);
  }

  #notify(text: string, retry?: () => void): void {
    this.#notice.hidden = !text;
    this.#notice.textContent = `${text} `;
    if (retry) this.#notice.append(button("button", this.words.say("problem.retry"), retry));
  }

  #act(deed: Deed, article: Article, detail: string): void {
    const { comment } = article;
    const { id } = comment;
    if (deed === "reply") {
      void this.write((writing) => writing.reply(article));
    }
    else if (deed === "new") this.#showNew(id);
    else if (deed === "more") void this.#loadMore(id);
    else if (deed === "fold") {
      if (!this.#folded.delete(id)) this.#folded.add(id);
    }
    else if (deed === "retry" || deed === "again" || deed === "discard") this.#writing?.settle(deed, comment);
    else {
      const target = this.feed.querySelector<HTMLElement>(`[id="parlour-${id}"] > .content [data-do="${deed}${detail}"]`);
      void import("./acts").then(({ act }) => act(this, article, deed, detail, target)).catch((error: unknown) => void this.complain(article, error));
    }
    this.changed();
  }

  /** Shows what waits, as roots ("") or under a comment, and leads to the first of it. */
  #showNew(under: string): void {
    if (this.#arrivals.overflowed && !under) return void this.#wire.open().then(() => this.#goTo(this.feed.querySelector("article")));
    const first = this.#arrivals.release(under);
    this.#render();
    this.#goTo(first && this.articles.get(first.id)?.element);
  }

  #goTo(article: HTMLElement | null | undefined): void {
    if (!article) return;
    article.focus({ preventScroll: true });
    const { top, bottom } = article.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight) article.scrollIntoView({ block: "center", behavior: "instant" });
  }

  #render(): void {
    const { feed, thread, words } = this;
    keepReading(this.element, [...feed.querySelectorAll(".content")], () => this.#arrange());
    const { total, next, closed } = thread;
    say(this.#count, words.count("thread.count", total));
    this.#more.hidden = next === null;
    this.#whole.hidden = !this.#around;
    const news = this.#arrivals.waiting("") + this.#arrivals.overflowed;
    this.#pill.hidden = !news;
    if (news) say(this.#pill, words.count("thread.new", news));
    this.#setClosed(closed);
    this.element.tell("count", { channel: this.channel, place: this.place, server: this.around.server, comments: total });
  }

  #arrange(): void {
    const { thread, articles, feed } = this;
    const stale = new Set(articles.keys());
    const show = (branch: Branch): Article => {
      const { comment } = branch;
      stale.delete(comment.id);
      let article = articles.get(comment.id);
      if (!article) articles.set(comment.id, (article = new Article(comment, this.context)));
      article.update(branch, branch.answers.map(show));
      return article;
    };
    const roots = buildTree([...this.#arrivals.shown(), ...(this.#writing?.locals() ?? [])], thread.sort, thread.listed).map(show);
    const rest = this.#dropStale(stale);
    roots.forEach(({ element }, index) => {
      set(element, "aria-posinset", index + 1);
      set(element, "aria-setsize", thread.next === null ? roots.length : -1);
    });
    if (!feed.querySelector('article[tabindex="0"]')) set(roots[0]?.element ?? feed, "tabindex", 0);
    set(feed, "role", roots.length ? "feed" : null);
    set(feed, "aria-label", roots.length ? this.words.say("thread.label") : null);
    place(feed, roots.length ? roots.map(({ element }) => element) : [h("p.hint", {}, this.words.say("thread.empty"))]);
    this.#marks?.mark();
    rest?.focus({ preventScroll: true });
  }

  /** Takes away what is gone; answers what is to have the focus in place of it. */
  #dropStale(stale: Iterable<string>): HTMLElement | undefined {
    const focused = (this.box.getRootNode() as ShadowRoot).activeElement?.closest("article");
    let rest: HTMLElement | undefined;
    for (const id of stale) {
      const article = this.articles.get(id)!;
      if (focused && article.element.contains(focused)) rest = neighbour(article.element) ?? this.feed;
      article.discard();
      this.articles.delete(id);
    }
    return rest;
  }

  /** The browser does not find `#parlour-ID` inside a shadow root. */
  #goToPermalink(): void {
    const id = permalink();
    const article = this.articles.get(id ?? "");
    if (id && !article && this.#around !== id && this.#loaded) {
      this.#around = id;
      void this.#open().then(() => this.#goToPermalink());
    }
    if (!article) return;
    for (const other of this.feed.querySelectorAll("[data-target]")) set(other, "data-target", null);
    set(article.element, "data-target", true);
    article.element.scrollIntoView({ block: "center", behavior: "instant" });
    article.element.focus({ preventScroll: true });
  }
}

/** The comment behind or before `article`, or the one above it. */
function neighbour(article: HTMLElement): HTMLElement | null | undefined {
  const item = article.closest<HTMLElement>("li, article:not(li *)") ?? article;
  for (const next of [item.nextElementSibling, item.previousElementSibling]) {
    const found = next?.matches("article") ? next : next?.querySelector("article");
    if (found) return found as HTMLElement;
  }
  return item.parentElement?.closest<HTMLElement>("article");
}

/** Whether something half-written or unsent waits in this browser. */
const hasUnfinished = (key: string): boolean => !!(storageOf("localStorage")?.getItem("parlour:drafts") ?? storageOf("sessionStorage")?.getItem(key));


class ParlourComments extends ParlourElement {
  protected override start(words: Words, signal: AbortSignal): void {
    new ThreadView(this, this.root, words, signal);
  }
}

define("parlour-comments", ParlourComments);
