/**
 * `<parlour-chat channel="…">`: comments as a conversation, oldest on top, the newest in view as
 * long as the reader is at the end. Reads and listens as the thread does (`wire.ts`, `thread.ts`), and
 * like it loads what sends (`sending.ts`) when somebody begins to write or something unsent waits.
 */
import { newNonce } from "../client/nonce";
import type { ChannelEvent, Comment } from "../client/event";
import type { Queue } from "../client/queue";
import { parsePosition } from "../client/position";
import type { Position } from "../client/position";
import { keepReading } from "./anchor";
import { placeOf } from "./address";
import { ChatForm } from "./chatform";
import { ChatVoice } from "./chatvoice";
import { define, ParlourElement } from "./element";
import { button, h, place, say, set } from "./h";
import { isLocal } from "./local";
import { Message } from "./message";
import { explain } from "./explain";
import { storageOf } from "./storage";
import { sheets } from "./style";
import { surroundingsOf } from "./surroundings";
import { followTheme } from "./theme";
import { byTime, Thread } from "./thread";
import { toldName, Typing, typingLine } from "./typing";
import { Wire } from "./wire";
import type { Words } from "./words";
import english from "../locales/en.json";
import own from "./chat.css";
import "./comments";
import base from "./base.css";

const LIMIT = 50;
/** Messages kept while the reader is at the end. */
const KEPT_MAX = 300;
/** So near to the end counts as at the end. */
const END_PX = 24;

type Sending = typeof import("./sending");

class ChatView {
  readonly #element: HTMLElement;
  readonly #signal: AbortSignal;
  readonly #words: Words;
  readonly #around;
  readonly #thread = new Thread();
  readonly #messages = new Map<string, Message>();
  readonly #typing: Typing;
  readonly #wire: Wire;
  readonly #form: ChatForm;
  readonly #viewers = h("span.viewers");
  readonly #notice = h("p.notice", { role: "alert", hidden: true });
  readonly #log: HTMLElement;
  readonly #list = h("ol.messages");
  readonly #earlier: HTMLButtonElement;
  readonly #latest: HTMLButtonElement;
  readonly #voice: ChatVoice;
  readonly #typists = h("p.typing");
  #channel: string | null = null;
  /** What others see the reader type under, where no name is asked for. */
  #toldName = "";
  #renderQueued = false;
  /** What sends, once it is loaded, and while it is. */
  #sending: Sending | undefined;
  #loading: Promise<Sending> | undefined;

  constructor(element: HTMLElement, root: ShadowRoot, words: Words, signal: AbortSignal) {
    this.#element = element;
    this.#signal = signal;
    this.#words = words.learn(english);
    this.#around = surroundingsOf(element);
    this.#typing = new Typing((names) => this.#showTyping(names), () => this.#tellTyping(), signal);
    this.#earlier = button("button.more", words.say("chat.earlier"), () => void this.#loadEarlier(), { hidden: true });
    this.#latest = button("button.latest", words.say("chat.latest"), () => this.#toEnd(), { hidden: true });
    this.#log = h("div.log", { role: "log", "aria-label": words.say("chat.log"), tabindex: 0, onscroll: () => this.#scrolled() }, this.#earlier, this.#list);
    this.#voice = new ChatVoice(this.#log, words, signal);
    this.#form = new ChatForm({
      words,
      name: this.#around.identity.name,
      typed: () => this.#typing.typed(),
      send: (body, name) => void this.#send(body, name),
    });
    const begin = (): void => void this.#load().catch(() => {});
    this.#form.element.addEventListener("focusin", begin, { once: true });
    if (storageOf("sessionStorage")?.getItem(this.#around.unsentKey)) begin();
    this.#wire = new Wire(this.#around.connection, ["viewers", "typing"], signal, {
      read: () => this.#read(),
      event: (event) => this.#hear(event),
      lost: (isLost) => this.#notify(isLost ? words.say("thread.reconnecting") : ""),
    });
    const box = h("section.box", { class: "box chat", "aria-label": words.say("chat.label"), lang: words.lang, dir: words.dir },
      h("div.bar", {}, h("h2.title", {}, element.getAttribute("channel") ?? words.say("chat.label")), this.#viewers, this.#voice.toggle),
      this.#notice, this.#voice.region, h("div.window", {}, this.#log, this.#latest), this.#typists, this.#form.element);
    root.adoptedStyleSheets = sheets(base, own);
    place(root, [box]);
    followTheme(element, box, signal);
    void this.#open();
  }

  async #open(): Promise<void> {
    this.#notify("");
    try {
      await this.#wire.open();
    } catch (error) {
      if (!this.#signal.aborted) this.#notify(await explain(error, this.#words), () => void this.#open());
    }
  }

  async #read(): Promise<{ channel: string; position: Position | null }> {
    const page = await this.#around.api.comments(placeOf(this.#element), { limit: LIMIT }, this.#signal);
    this.#thread.reset(page);
    this.#channel = page.channel;
    // Known by now, where the author's site was asked.
    this.#form.asksName = !this.#around.identity.signedIn;
    this.#toldName = await toldName(this.#around.identity);
    this.#render();
    return { channel: page.channel, position: parsePosition(page.position) };
  }

  async #loadEarlier(): Promise<void> {
    const before = this.#thread.next;
    if (!before || !this.#channel || this.#earlier.ariaDisabled) return;
    this.#earlier.ariaDisabled = "true";
    try {
      const page = await this.#around.api.comments({ channel: this.#channel }, { limit: LIMIT, before }, this.#signal);
      this.#thread.extend(page);
      keepReading(this.#list, this.#list.children, () => this.#arrange());
    } catch (error) {
      if (!this.#signal.aborted) this.#notify(await explain(error, this.#words));
    } finally {
      this.#earlier.ariaDisabled = null;
    }
  }

  /** What sends, loaded. */
  #load(): Promise<Sending> {
    const isOurs = (channel: string): boolean => channel === this.#channel;
    return (this.#loading ??= import("./sending").then((sending) => {
      this.#sending = sending;
      const unwatch = sending.queueOf(this.#around).watch({
        changed: ({ channel }) => isOurs(channel) && this.#renderSoon(),
        sent: ({ channel }, comment) => isOurs(channel) && this.#sent(comment),
      });
      if (this.#signal.aborted) unwatch();
      this.#signal.addEventListener("abort", unwatch);
      this.#renderSoon();
      return sending;
    }).catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    }));
  }

  async #send(body: string, name: string): Promise<void> {
    const { identity } = this.#around;
    let queue: Queue;
    try {
      queue = (await this.#load()).queueOf(this.#around);
    } catch (error) {
      // It cannot be kept for later, so it stays where it was written.
      this.#form.giveBack(body);
      return this.#notify(await explain(error, this.#words));
    }
    identity.name = name || identity.name;
    queue.add(this.#channel!, { body, nonce: newNonce(), ...(name && { author: { name } }) });
    this.#typing.sent();
    this.#render();
    this.#toEnd();
  }

  #sent(comment: Comment): void {
    const { identity } = this.#around;
    identity.posted(comment.author?.id);
    this.#thread.put(comment);
    this.#render();
  }

  #hear(event: ChannelEvent): void {
    if (event.name === "viewers") {
      const { count } = event.data as { count: number };
      say(this.#viewers, this.#words.count("chat.viewers", count));
      if (this.#element.hasAttribute("faces")) import("./faces").then(({ showFaces }) => showFaces(this.#viewers, count, this.#words, this.#around, this.#channel!, this.#signal), () => {});
    } else if (event.name === "typing") {
      this.#typing.heard((event.data as { name: string }).name, this.#form.name || this.#toldName);
    } else {
      const change = this.#thread.apply(event);
      if (change === "added") {
        this.#voice.came();
        this.#typing.stopped((event.data as Comment).author?.name ?? "");
      }
      if (change === "read") this.#wire.readAgain();
      else if (change !== "none") this.#renderSoon();
    }
  }

  #tellTyping(): void {
    if (!this.#channel) return;
    // A signal that does not arrive is no loss.
    this.#around.api.act("POST", `v1/channels/${encodeURIComponent(this.#channel)}/typing`, { name: this.#form.name, parent: null }, this.#signal).catch(() => {});
  }

  /** A message that did not arrive is sent again, or given up. */
  #settle(id: string, isAgain: boolean): void {
    const queue = this.#sending?.queueOf(this.#around);
    const unsent = queue && this.#sending!.unsentOf(queue, this.#channel, id);
    if (unsent && isAgain) queue.retry(unsent);
    else if (unsent) queue.drop(unsent);
    this.#renderSoon();
  }

  #showTyping(names: string[]): void {
    say(this.#typists, typingLine(this.#words, names));
  }

  #notify(text: string, retry?: () => void): void {
    this.#notice.hidden = !text;
    this.#notice.replaceChildren(text);
    if (retry) this.#notice.append(" ", button("button", this.#words.say("problem.retry"), retry));
  }

  get #atEnd(): boolean {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < END_PX;
  }

  #toEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#latest.hidden = true;
  }

  #scrolled(): void {
    if (this.#atEnd) this.#latest.hidden = true;
  }

  #renderSoon(): void {
    if (this.#renderQueued) return;
    this.#renderQueued = true;
    queueMicrotask(() => {
      this.#renderQueued = false;
      if (!this.#signal.aborted) this.#render();
    });
  }

  /** At the end it stays at the end; elsewhere nothing moves, and a button leads there. */
  #render(): void {
    const stick = this.#atEnd || this.#messages.size === 0;
    const before = this.#messages.size;
    if (stick) this.#trim();
    keepReading(this.#list, this.#list.children, () => this.#arrange());
    if (stick) this.#toEnd();
    else if (this.#messages.size > before) this.#latest.hidden = false;
  }

  /** Lets go of the oldest, for a chat that runs for days. */
  #trim(): void {
    const { byId: comments } = this.#thread;
    if (comments.size <= KEPT_MAX) return;
    const oldestFirst = [...comments.values()].sort(byTime);
    for (const { id } of oldestFirst.slice(0, -KEPT_MAX)) this.#thread.forget(id);
  }

  #arrange(): void {
    const { words, around } = { words: this.#words, around: this.#around };
    const { byId: comments } = this.#thread;
    const sending = this.#sending;
    const locals = sending ? sending.localsOf(sending.queueOf(around), this.#channel, comments, (author) => around.identity.isOwn(author?.id)) : [];
    const inOrder = [...comments.values(), ...locals].filter((comment) => comment.state !== "deleted").sort(byTime);
    const shown = new Set<string>();
    let previous: Comment | null = null;
    const rows = inOrder.map((comment) => {
      shown.add(comment.id);
      let message = this.#messages.get(comment.id);
      if (!message) this.#messages.set(comment.id, (message = new Message(words, around.server, (id, isAgain) => this.#settle(id, isAgain))));
      message.update(comment, previous, isLocal(comment.id) || around.identity.isOwn(comment.author?.id));
      previous = comment;
      return message.element;
    });
    for (const [id, message] of this.#messages) {
      if (shown.has(id)) continue;
      message.discard();
      this.#messages.delete(id);
    }
    place(this.#list, rows.length ? rows : [h("li.hint", {}, words.say("chat.empty"))]);
    this.#earlier.hidden = this.#thread.next === null;
    set(this.#log, "data-empty", rows.length === 0);
  }
}

class ParlourChat extends ParlourElement {
  protected override start(words: Words, signal: AbortSignal): void {
    new ChatView(this, this.root, words, signal);
  }
}

define("parlour-chat", ParlourChat);
