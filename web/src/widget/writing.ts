/**
 * Writing in a thread, loaded when somebody begins to, or has something unsent or half-written here: the
 * form above the thread, the forms inside it, and what is on its way. What is sent is shown at once
 * in its place and goes through the queue; the server's answer, or the event about it, takes the
 * place of what was shown, in the same element.
 */
import { newNonce } from "../client/nonce";
import type { Draft } from "../client/api";
import { LIMITS } from "../client/codes";
import type { Comment } from "../client/event";
import type { Unsent } from "../client/queue";
import type { Article } from "./article";
import { Composer } from "./composer";
import type { ComposerOptions, Written } from "./composer";
import { keepDraft, readDraft } from "./drafts";
import { localId, localsOf, unsentOf } from "./locals";
import { describe } from "./problem";
import { queueOf } from "./sending";
import type { ThreadView } from "./comments";
import english from "../locales/en.json";

export class Writing {
  readonly #view: ThreadView;
  readonly #queue;
  #main: Composer | undefined;
  /** The article whose form is open, and what closes it. */
  #open: { article: Article; close: () => void } | null = null;

  constructor(view: ThreadView) {
    this.#view = view;
    view.words.learn(english);
    this.#queue = queueOf(view.around);
    const unwatch = this.#queue.watch({
      changed: (unsent) => this.#isOurs(unsent) && view.changed(),
      sent: (unsent, comment) => this.#isOurs(unsent) && this.#sent(unsent, comment),
    });
    view.signal.addEventListener("abort", unwatch);
  }

  /** Makes the bare form above the thread a whole one. */
  equip(form: HTMLFormElement): Composer {
    const { words } = this.#view;
    return (this.#main = new Composer(this.#options("", words.say("form.label"), words.say("form.send"), null), form));
  }

  /** Sends what is in the form above the thread. */
  send(): void {
    this.#main?.send();
  }

  /** What waits in the queue, as comments to be shown. */
  locals(): Comment[] {
    const view = this.#view;
    return localsOf(this.#queue, view.channel, view.thread.comments, (author) => view.isOwn(author));
  }

  /** One's own comment is here by its event, before the answer: it takes the place of what was shown. */
  met({ id, body, parent }: Comment): void {
    const unsent = this.#queue.of(this.#view.channel ?? "").find(({ draft }) => draft.body === body && (draft.parent ?? null) === parent);
    if (unsent) this.#view.rename(localId(unsent.draft.nonce), id);
  }

  /** Why the comment is shown to the reader alone. */
  said({ id, state }: Comment): string {
    const { words } = this.#view;
    const problem = this.#unsent(id)?.problem;
    return words.say(`comment.${state}`, { why: problem ? describe(problem, words) : "" });
  }

  /** Sends again, gives up, or takes back into a form what was not sent. */
  settle(deed: "retry" | "again" | "discard", { id, parent, body }: Comment): void {
    const unsent = this.#unsent(id);
    if (!unsent) return;
    if (deed === "retry") return this.#queue.retry(unsent);
    this.#queue.drop(unsent);
    if (deed === "discard") return;
    const above = parent && this.#view.articles.get(parent);
    if (above) this.reply(above, body);
    else this.#main?.insert(body);
  }

  /** Opens the form for an answer; `text` goes in, or what is selected in the comment. */
  reply(article: Article, text = quoted(article)): void {
    const { words } = this.#view;
    const { id, author } = article.comment;
    const name = author?.name || words.say("comment.guest");
    this.show(article, "reply", (done) => {
      const composer = new Composer(this.#options(id, words.say("form.reply.label", { name }), words.say("form.reply.send"), article, done));
      if (text) composer.insert(text);
      return composer;
    });
  }

  /** Changes one's own comment. */
  edit(article: Article, label: string, send: string): void {
    const view = this.#view;
    this.show(article, "edit", (done) =>
      new Composer({
        words: view.words,
        label,
        send,
        asksWho: false,
        body: article.comment.body,
        cancel: done,
        preview: (text) => this.#preview(text),
        submit: async ({ body }) => {
          try {
            const { comment } = await view.around.api.act<{ comment: Comment }>("PATCH", `v1/comments/${article.comment.id}`, { body }, view.signal);
            view.thread.edited(comment);
          } catch (error) {
            throw new Error(describe(error, view.words));
          }
          view.changed();
          done();
        },
      }),
    );
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

  #options(parent: string, label: string, send: string, article: Article | null, done?: () => void): ComposerOptions {
    const { words, around, place } = this.#view;
    const page = JSON.stringify([around.server, around.site, place, parent]);
    return {
      words,
      label,
      send,
      asksWho: !around.identity.signedIn,
      name: around.identity.name,
      body: readDraft(page),
      keep: (text) => keepDraft(page, text),
      preview: (text) => this.#preview(text),
      ...(done && { cancel: done }),
      ...(!article && (around.identity.account || !around.identity.signedIn) && { account: (line) => void import("./signin").then(({ offer }) => offer(line, this.#view)).catch(() => {}) }),
      submit: async (written) => {
        await this.#post(written, article?.comment.id);
        done?.();
      },
    };
  }

  /** What `body` would look like. */
  async #preview(body: string): Promise<string> {
    const { around, signal } = this.#view;
    return (await around.api.act<{ html: string }>("POST", "v1/preview", { body }, signal)).html;
  }

  async #post(written: Written, parent: string | undefined): Promise<void> {
    const view = this.#view;
    const { around, place: where } = view;
    // While the server cannot be asked, the channel is found by the same rules.
    view.channel ??= "channel" in where ? where.channel : (await import("../client/page")).pageChannel(where.url, where.id);
    const draft: Draft = { body: written.body, nonce: newNonce(), ...(parent && { parent }), ...(written.website && { website: written.website }) };
    if (written.name || written.emailHash) {
      draft.author = { name: written.name, ...(written.emailHash && { email_hash: written.emailHash }) };
    }
    if ("url" in where) {
      draft.page = { url: where.url, ...(where.id && { id: where.id }), title: document.title.slice(0, LIMITS.titleCharacters) };
    }
    around.identity.name = written.name || around.identity.name;
    this.#queue.add(view.channel, draft);
    view.changed();
  }

  #unsent(id: string): Unsent | undefined {
    return unsentOf(this.#queue, this.#view.channel, id);
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

/** What is selected in this comment, as a quotation. */
function quoted(article: Article): string {
  const selection = (article.content.getRootNode() as ShadowRoot & Pick<Document, "getSelection">).getSelection?.() ?? getSelection();
  const text = selection?.toString().trim();
  if (!text || !selection!.anchorNode || !article.content.contains(selection!.anchorNode)) return "";
  return `${text.replace(/^/gm, "> ")}\n\n`;
}
