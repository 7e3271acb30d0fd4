/**
 * `<parlour-comments>`: a page's thread. Reads a page of comments, subscribes from the very position
 * of what it read, and keeps what is shown true. What is known is in `thread.ts`, the order in
 * `tree.ts`, what waits to be shown in `arrivals.ts`, a comment's looks in `article.ts`, writing in
 * `writing.ts`. What not every reader needs is loaded when it is needed: `acts.ts`, `keys.ts`,
 * `marks.ts`, `moderate.ts`, `tools.ts`.
 */
import type { ListQuery, Place } from "../client/api";
import type { ChannelEvent, Comment, CommentPage } from "../client/event";
import { parsePosition } from "../client/position";
import type { Position } from "../client/position";
import { keepReading } from "./anchor";
import { Announcer } from "./announcer";
import { placeOf } from "./address";
import { Arrivals } from "./arrivals";
import { Article } from "./article";
import type { ArticleContext, Deed } from "./article";
import { Composer } from "./composer";
import type { ComposerOptions } from "./composer";
import { define, ParlourElement } from "./element";
import { button, h, place, say, set } from "./h";
import { Hidden } from "./hidden";
import { isLocal, localsOf, unsentOf } from "./locals";
import type { Marks } from "./marks";
import { describe } from "./problem";
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
  readonly feed = h("div.feed", { role: "feed" });
  readonly box: HTMLElement;
  readonly bar: HTMLElement;
  readonly hidden = new Hidden();
  readonly writing: Writing;
  readonly context: ArticleContext;
  /** What to post to; known once the thread was read. */
  channel: string | null = null;
  readonly #wire: Wire;
  readonly #announcer: Announcer;
  readonly #arrivals: Arrivals;
  readonly #folded = new Set<string>();
  readonly #limit: number;
  readonly #count = h("h2.count");
  readonly #viewers = h("p.viewers", { hidden: true });
  readonly #notice = h("p.notice", { role: "alert", hidden: true });
  readonly #pill: HTMLButtonElement;
  readonly #more: HTMLButtonElement;
  readonly #whole: HTMLButtonElement;
  #marks: Marks | undefined;
  #around: string | undefined;
  #renderQueued = false;
  #loaded = false;
  #isLoading = false;
  #viewing = 0;
  #viewersSaid = 0;
  #viewingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(element: ParlourElement, root: ShadowRoot, words: Words, signal: AbortSignal) {
    this.element = element;
    this.words = words;
    this.signal = signal;
    this.around = surroundingsOf(element);
    this.place = placeOf(element);
    this.thread = new Thread(sortOf(element.getAttribute("sort")));
    const asked = Math.floor(Number(element.getAttribute("limit")));
    this.#limit = asked >= 1 ? Math.min(asked, LIMIT_MAX) : LIMIT;
    this.#around = permalink();
    this.#announcer = new Announcer((n) => words.count("thread.new", n), signal);
    this.#arrivals = new Arrivals(this.thread, this.feed, this.articles);
    this.#pill = button("button.pill", "", () => this.#showNew(""), { hidden: true });
    this.#more = button("button.more", words.say("thread.more"), () => void this.#loadMore(), { hidden: true });
    this.#whole = button("button.whole", words.say("thread.whole"), () => void this.#readWhole(), { hidden: true });
    this.context = this.#makeContext();
    this.writing = new Writing(this);
    this.#wire = new Wire(this.around.connection, ["viewers"], signal, {
      read: () => this.#read(),
      event: (event) => this.#hear(event),
      lost: (isLost) => this.#notify(isLost ? words.say("thread.reconnecting") : ""),
    });
    this.bar = h("div.bar", {}, this.#count, this.#viewers);
    const label = words.say("thread.label");
    set(this.feed, "aria-label", label);
    // What the page brought along, rendered by the server, is shown until the thread is there.
    this.feed.append(h("slot", {}, h("p.hint", {}, words.say("thread.loading"))));
    const pill = h("div.pill-place", {}, this.#pill);
    const isOldest = this.thread.sort === "oldest";
    this.box = h("section.box", { "aria-label": label, lang: words.lang, dir: words.dir },
      this.bar, this.writing.element, this.#notice, this.#announcer.element, this.#whole, !isOldest && pill, this.feed, this.#more, isOldest && pill);
    this.box.addEventListener("keydown", (event) => void import("./keys").then(({ pressed }) => pressed(this, event)).catch(() => {}));
    root.adoptedStyleSheets = sheets(base, own);
    place(root, [this.box]);
    followTheme(element, this.box, signal);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#viewingTimer);
      this.articles.forEach((article) => article.discard());
    });
    addEventListener("hashchange", () => this.#goToPermalink(), { signal });
    void this.#open();
  }

  #makeContext(): ArticleContext {
    const { words, around, thread } = this;
    return {
      words,
      server: around.server,
      canReply: () => this.writing.canReply,
      isOwn: ({ id, author }) => isLocal(id) || this.isOwn(author),
      isHidden: (comment) => this.hidden.has(comment),
      isFolded: (id) => this.#folded.has(id),
      said: ({ id, state }) => {
        const problem = this.#unsent(id)?.problem;
        return words.say(`comment.${state}`, { why: problem ? describe(problem, words) : "" });
      },
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
    this.articles.delete(from);
    if (article && !this.articles.has(to)) this.articles.set(to, article);
    else article?.discard();
  }

  describe(error: unknown): string {
    return describe(error, this.words);
  }

  /** Says under `article` what did not work. */
  complain(article: Article, error: unknown): void {
    article.showForm(h("p.error", { role: "alert" }, this.describe(error)));
  }

  newComposer(options: ComposerOptions): Composer {
    return new Composer(options);
  }

  /** What `body` would look like. */
  async preview(body: string): Promise<string> {
    return (await this.around.api.act<{ html: string }>("POST", "v1/preview", { body }, this.signal)).html;
  }

  /** The channel of the page, as the server said it, or (while it cannot be asked) by the same rules. */
  async channelToPost(): Promise<string> {
    const { place: where } = this;
    if (!this.channel) this.channel = "channel" in where ? where.channel : (await import("../client/page")).pageChannel(where.url, where.id);
    return this.channel;
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
      this.#notify(this.describe(error), () => void this.#open());
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

  /** What only some readers need: marks for those who come back, tools for moderators. */
  async #loadForMembers(): Promise<void> {
    try {
      this.#marks = new (await import("./marks")).Marks(this);
      const role = await this.around.identity.role();
      if (role === "moderator" || role === "admin") (await import("./moderate")).moderate(this);
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
      if (!this.signal.aborted) this.#notify(this.describe(error));
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
      if (!this.isOwn(comment.author)) {
        this.#announcer.add();
        this.#arrivals.add(comment);
      }
    }
    this.changed();
  }

  #showViewers(count: number): void {
    this.#viewing = count;
    if (this.#viewingTimer) return;
    this.#sayViewers();
    // What changes meanwhile is said then.
    this.#viewingTimer = setTimeout(() => {
      this.#viewingTimer = undefined;
      if (this.#viewing !== this.#viewersSaid) this.#showViewers(this.#viewing);
    }, VIEWERS_MS);
  }

  #sayViewers(): void {
    const count = (this.#viewersSaid = this.#viewing);
    this.#viewers.hidden = count < 2;
    say(this.#viewers, this.words.count("viewers", count > ROUNDED_FROM ? Math.round(count / 10) * 10 : count));
    this.element.tell("presence", { channel: this.channel, viewers: count });
  }

  #notify(text: string, retry?: () => void): void {
    this.#notice.hidden = !text;
    if (this.#notice.dataset["text"] === text) return;
    this.#notice.dataset["text"] = text;
    place(this.#notice, []);
    this.#notice.append(text, " ");
    if (retry) this.#notice.append(button("button", this.words.say("problem.retry"), retry));
  }

  #unsent(id: string): ReturnType<typeof unsentOf> {
    return unsentOf(this.around.queue, this.channel, id);
  }

  #act(deed: Deed, article: Article, detail: string): void {
    const { id, author } = article.comment;
    const { queue } = this.around;
    const unsent = this.#unsent(id);
    if (deed === "reply") this.writing.reply(article, quoted(article));
    else if (deed === "react") void this.#react(article, detail);
    else if (deed === "new") this.#showNew(id);
    else if (deed === "more") void this.#loadMore(id);
    else if (deed === "fold") {
      if (!this.#folded.delete(id)) this.#folded.add(id);
    } else if (deed === "unhide") this.hidden.show(id, author!.id);
    else if (deed === "retry") queue.retry(unsent!);
    else if (deed === "discard" || deed === "again") {
      queue.drop(unsent!);
      if (deed === "again") this.writing.again(article.comment);
    } else {
      const target = this.feed.querySelector<HTMLElement>(`[id="parlour-${id}"] > .content [data-do="${deed}"]`);
      void import("./acts").then(({ act }) => act(this, article, deed, target)).catch((error: unknown) => this.complain(article, error));
    }
    this.changed();
  }

  /** At once on the page; the server's count comes by itself. */
  async #react(article: Article, name: string): Promise<void> {
    const { id } = article.comment;
    const show = (isOn: boolean): void => {
      const comment = this.thread.comments.get(id);
      if (!comment) return;
      const { mine = { reactions: [], editable_until: null, deletable: false }, reactions } = comment;
      const others = mine.reactions.filter((other) => other !== name);
      const count = Math.max(0, (reactions[name] ?? 0) + (isOn ? 1 : -1));
      this.thread.comments.set(id, { ...comment, reactions: { ...reactions, [name]: count }, mine: { ...mine, reactions: isOn ? [...others, name] : others } });
      this.changed();
    };
    const isOn = !article.comment.mine?.reactions.includes(name);
    show(isOn);
    try {
      await this.around.api.react(id, name, isOn);
    } catch (error) {
      show(!isOn);
      if (!this.signal.aborted) this.complain(article, error);
    }
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
    this.writing.setClosed(closed);
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
    const roots = buildTree([...this.#arrivals.shown(), ...localsOf(this.around.queue, this.channel, thread.comments, (author) => this.isOwn(author))], thread.sort, thread.listed).map(show);
    const rest = this.#dropStale(stale);
    roots.forEach(({ element }, index) => {
      set(element, "aria-posinset", index + 1);
      set(element, "aria-setsize", thread.next === null ? roots.length : -1);
    });
    if (!feed.querySelector('article[tabindex="0"]')) set(roots[0]?.element ?? feed, "tabindex", 0);
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

/** What is selected in this comment, as a quotation. */
function quoted(article: Article): string {
  const selection = (article.content.getRootNode() as ShadowRoot & Pick<Document, "getSelection">).getSelection?.() ?? getSelection();
  const text = selection?.toString().trim();
  if (!text || !selection!.anchorNode || !article.content.contains(selection!.anchorNode)) return "";
  return `${text.replace(/^/gm, "> ")}\n\n`;
}

class ParlourComments extends ParlourElement {
  protected override start(words: Words, signal: AbortSignal): void {
    new ThreadView(this, this.root, words, signal);
  }
}

define("parlour-comments", ParlourComments);
