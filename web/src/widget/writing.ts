/**
 * Writing in a thread: the form above it, the forms for answers and edits inside it, and what they
 * send. The server's answer is shown at once; the event about the same comment changes nothing more.
 */
import { newNonce } from "../client/api";
import type { Draft, Place } from "../client/api";
import { LIMITS } from "../client/codes";
import type { Comment } from "../client/event";
import type { Article, ArticleContext } from "./article";
import { Composer } from "./composer";
import type { Written } from "./composer";
import { h, place } from "./h";
import { describe } from "./problem";
import type { Surroundings } from "./surroundings";
import type { Thread } from "./thread";
import type { Words } from "./words";

export interface WritingOptions {
  words: Words;
  around: Surroundings;
  thread: Thread;
  place: () => Place;
  /** The thread is different now. */
  changed: () => void;
  posted: (comment: Comment) => void;
  signal: AbortSignal;
}

export class Writing {
  readonly element = h("div", { class: "writing" });
  readonly articleContext: ArticleContext;
  /** What to post to; known once the thread was read. */
  channel: string | null = null;
  readonly #options: WritingOptions;
  #closed: boolean | null = null;
  /** The article whose form is open, and what closes it. */
  #open: { article: Article; close: () => void } | null = null;

  constructor(options: WritingOptions) {
    this.#options = options;
    const { around, words } = options;
    this.articleContext = {
      words,
      server: around.server,
      canReply: () => this.#closed === false,
      isOwn: (comment) => around.identity.isOwn(comment.author?.id),
      reply: (article) => this.#reply(article),
      edit: (article) => this.#edit(article),
      delete: (article) => void this.#delete(article),
    };
  }

  /** Shows the form, or that there is none. Known first when the thread was read. */
  setClosed(closed: boolean): void {
    if (closed === this.#closed) return;
    this.#closed = closed;
    const { words } = this.#options;
    if (closed) return place(this.element, [h("p", { class: "hint" }, words.say("thread.closed"))]);
    const form = this.#composer(words.say("form.label"), words.say("form.send"), null);
    place(this.element, [form.element]);
    // Answers can be written again: their buttons are drawn by the next rendering.
    this.#options.changed();
  }

  #composer(label: string, send: string, article: Article | null, done?: () => void): Composer {
    const { words, around } = this.#options;
    let attempt: { content: string; nonce: string } | null = null;
    return new Composer({
      words,
      label,
      send,
      asksWho: !around.identity.signedIn,
      name: around.identity.name,
      ...(done && { cancel: done }),
      submit: async (written) => {
        // The same text again is the same post, however often it is tried.
        const content = JSON.stringify(written);
        if (attempt?.content !== content) attempt = { content, nonce: newNonce() };
        await this.#post(written, article, attempt.nonce);
        attempt = null;
        done?.();
      },
    });
  }

  async #post(written: Written, article: Article | null, nonce: string): Promise<void> {
    const { around, thread, words, signal } = this.#options;
    const draft: Draft = { body: written.body, nonce };
    if (article) draft.parent = article.comment.id;
    if (written.name || written.emailHash) {
      draft.author = { name: written.name, ...(written.emailHash && { email_hash: written.emailHash }) };
    }
    const where = this.#options.place();
    if ("url" in where) {
      draft.page = { url: where.url, ...(where.id && { id: where.id }), title: document.title.slice(0, LIMITS.titleCharacters) };
    }
    try {
      const comment = await around.api.post(this.channel!, draft, signal);
      around.identity.posted(comment.author?.id, written.name || around.identity.name);
      thread.put(comment);
      this.#options.changed();
      this.#options.posted(comment);
    } catch (error) {
      throw new Error(describe(error, words));
    }
  }

  #reply(article: Article): void {
    const { words } = this.#options;
    const name = article.comment.author?.name || words.say("comment.guest");
    this.#show(article, "reply", (done) => this.#composer(words.say("form.reply.label", { name }), words.say("form.reply.send"), article, done));
  }

  #edit(article: Article): void {
    const { words, around, thread, signal } = this.#options;
    this.#show(article, "edit", (done) =>
      new Composer({
        words,
        label: words.say("form.edit.label"),
        send: words.say("form.edit.send"),
        asksWho: false,
        body: article.comment.body,
        cancel: done,
        submit: async ({ body }) => {
          try {
            thread.edited(await around.api.edit(article.comment.id, body, signal));
          } catch (error) {
            throw new Error(describe(error, words));
          }
          this.#options.changed();
          done();
        },
      }),
    );
  }

  /** One form at a time; pressing the same button again closes it. */
  #show(article: Article, name: string, make: (done: () => void) => Composer): void {
    const again = this.#open?.article === article;
    this.#open?.close();
    if (again) return;
    const close = (): void => {
      article.showForm(null);
      if (this.#open?.article === article) this.#open = null;
      article.focusButton(name);
    };
    const composer = make(close);
    article.showForm(composer.element);
    this.#open = { article, close };
    composer.focus();
  }

  async #delete(article: Article): Promise<void> {
    const { around, thread, signal, words } = this.#options;
    const { id } = article.comment;
    try {
      await around.api.delete(id, signal);
      thread.remove(id);
      this.#options.changed();
    } catch (error) {
      if (!signal.aborted) article.showForm(h("p", { class: "error", role: "alert" }, describe(error, words)));
    }
  }
}
