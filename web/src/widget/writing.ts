/**
 * Writing in a thread: the form above it, the forms inside it, and what is on its way. What is sent is
 * shown at once in its place and goes through the queue; the server's answer, or the event about it,
 * takes the place of what was shown, in the same element.
 */
import { newNonce } from "../client/api";
import type { Draft } from "../client/api";
import { LIMITS } from "../client/codes";
import type { Comment } from "../client/event";
import type { Unsent } from "../client/queue";
import type { Article } from "./article";
import { Composer } from "./composer";
import type { ComposerOptions, Written } from "./composer";
import { keepDraft, readDraft } from "./drafts";
import { h, place } from "./h";
import { localId } from "./locals";
import { describe } from "./problem";
import type { ThreadView } from "./comments";

export class Writing {
  readonly element = h("div.writing");
  readonly #view: ThreadView;
  #closed: boolean | null = null;
  #main: Composer | undefined;
  /** The article whose form is open, and what closes it. */
  #open: { article: Article; close: () => void } | null = null;

  constructor(view: ThreadView) {
    this.#view = view;
    const { queue } = view.around;
    const unwatch = queue.watch({
      changed: (unsent) => this.#isOurs(unsent) && view.changed(),
      sent: (unsent, comment) => this.#isOurs(unsent) && this.#sent(unsent, comment),
    });
    view.signal.addEventListener("abort", unwatch);
    this.setClosed(false);
  }

  get canReply(): boolean {
    return !this.#closed;
  }

  /** Shows the form, or that there is none. */
  setClosed(closed: boolean): void {
    if (closed === this.#closed) return;
    this.#closed = closed;
    const { words } = this.#view;
    if (closed) return place(this.element, [h("p.hint", {}, words.say("thread.closed"))]);
    this.#main = this.#composer("", words.say("form.label"), words.say("form.send"), null);
    place(this.element, [this.#main.element]);
    // Answers can be written again: their buttons are drawn by the next rendering.
    this.#view.changed();
  }

  /** What was not sent is written again: it goes back into a form. */
  again({ parent, body }: Comment): void {
    const above = parent && this.#view.articles.get(parent);
    if (above) return this.reply(above, body);
    this.#main?.insert(body);
  }

  reply(article: Article, quote = ""): void {
    const { words } = this.#view;
    const { id, author } = article.comment;
    const name = author?.name || words.say("comment.guest");
    this.show(article, "reply", (done) => {
      const composer = this.#composer(id, words.say("form.reply.label", { name }), words.say("form.reply.send"), article, done);
      if (quote) composer.insert(quote);
      return composer;
    });
  }

  /** One form at a time; pressing the same button again closes it. */
  show(article: Article, deed: string, make: (done: () => void) => Composer): void {
    const again = this.#open?.article === article && article.hasForm;
    this.#open?.close();
    if (again) return;
    const close = (): void => {
      if (this.#open?.article === article) this.#open = null;
      article.showForm(null);
      article.focusButton(deed);
    };
    const composer = make(close);
    article.showForm(composer.element);
    this.#open = { article, close };
    composer.focus();
  }

  #composer(parent: string, label: string, send: string, article: Article | null, done?: () => void): Composer {
    const { words, around } = this.#view;
    const page = JSON.stringify([around.server, around.site, this.#view.place, parent]);
    const options: ComposerOptions = {
      words,
      label,
      send,
      asksWho: !around.identity.signedIn,
      name: around.identity.name,
      body: readDraft(page),
      keep: (text) => keepDraft(page, text),
      preview: (text) => this.#view.preview(text),
      ...(done && { cancel: done }),
      submit: async (written) => {
        try {
          await this.#post(written, article?.comment.id);
        } catch (error) {
          throw new Error(describe(error, words));
        }
        done?.();
      },
    };
    return new Composer(options);
  }

  async #post(written: Written, parent: string | undefined): Promise<void> {
    const { around } = this.#view;
    const channel = await this.#view.channelToPost();
    const draft: Draft = { body: written.body, nonce: newNonce(), ...(parent && { parent }) };
    if (written.name || written.emailHash) {
      draft.author = { name: written.name, ...(written.emailHash && { email_hash: written.emailHash }) };
    }
    const { place: where } = this.#view;
    if ("url" in where) {
      draft.page = { url: where.url, ...(where.id && { id: where.id }), title: document.title.slice(0, LIMITS.titleCharacters) };
    }
    around.identity.name = written.name || around.identity.name;
    around.queue.add(channel, draft);
    this.#view.changed();
  }

  #isOurs({ channel }: Unsent): boolean {
    return channel === this.#view.channel;
  }

  #sent({ draft }: Unsent, comment: Comment): void {
    const view = this.#view;
    view.around.identity.posted(comment.author?.id, view.around.identity.name);
    view.rename(localId(draft.nonce), comment.id);
    view.thread.put(comment);
    view.changed();
    view.element.tell("comment", { comment });
  }
}
