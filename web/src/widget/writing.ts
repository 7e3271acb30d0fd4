/**
 * Writing in a thread: the form above it, the forms inside it, and what is on its way. What is sent is
 * shown at once in its place and goes through the queue; the server's answer, or the event about it,
 * takes the place of what was shown, in the same element. Forms inside the thread are opened by
 * `answer.ts`; what is done about what could not be sent, and editing, is in `acts.ts`.
 */
import { newNonce } from "../client/nonce";
import type { Draft } from "../client/api";
import { LIMITS } from "../client/codes";
import type { Comment } from "../client/event";
import type { Queue, Unsent } from "../client/queue";
import type { Article } from "./article";
import { Composer } from "./composer";
import type { ComposerOptions, Written } from "./composer";
import { explain } from "./explain";
import { localId } from "./local";
import { storageOf } from "./storage";
import type { ThreadView } from "./comments";

/** What sends, and its queue. */
type Sending = typeof import("./sending") & { queue: Queue };

export class Writing {
  readonly #view: ThreadView;
  /** Why what waits or failed is not posted, by what it is shown as. */
  readonly #why = new Map<string, string>();
  /** The form above the thread; made anew when a closed thread opens again. */
  main: Composer | undefined;
  /** The article whose form is open, and what closes it (`answer.ts`). */
  shownAt: { article: Article; close: () => void } | null = null;

  /** What sends, once it is loaded, and while it is. */
  #sending: Sending | undefined;
  #loading: Promise<Sending> | undefined;
  /** Forms that were there before it: they have neither drafts yet nor what keeps them. */
  readonly #early: Composer[] = [];

  constructor(view: ThreadView) {
    this.#view = view;
    if (storageOf("sessionStorage")?.getItem(view.around.unsentKey) ?? storageOf("localStorage")?.getItem("parlour:drafts")) this.begin();
  }

  /** Somebody begins to write, or something unsent or half-written waits. */
  begin(): void {
    this.load().catch(() => {});
  }

  /** What sends, loaded. */
  load(): Promise<Sending> {
    const view = this.#view;
    const isOurs = ({ channel }: Unsent): boolean => channel === view.channel;
    return (this.#loading ??= import("./sending").then((sending) => {
      const queue = sending.queueOf(view.around);
      const loaded = (this.#sending = { ...sending, queue });
      for (const form of this.#early.splice(0)) form.restore();
      const unwatch = queue.watch({
        changed: (unsent) => isOurs(unsent) && void this.#changed(unsent),
        sent: (unsent, comment) => isOurs(unsent) && this.#sent(unsent, comment),
      });
      if (view.signal.aborted) unwatch();
      view.signal.addEventListener("abort", unwatch);
      view.changed();
      return loaded;
    }).catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    }));
  }

  /** The form above the thread, begun anew. */
  form(): HTMLFormElement {
    const { words } = this.#view;
    return (this.main = this.draft("", words.say("form.label"), words.say("form.send"))).element;
  }

  /** What waits in the queue, as comments to be shown. */
  locals(): Comment[] {
    const view = this.#view;
    const { queue, localsOf } = this.#sending ?? {};
    return queue ? localsOf!(queue, view.channel, view.thread.byId, (author) => view.isOwn(author)) : [];
  }

  /** One's own comment is here by its event, before the answer: it takes the place of what was shown. */
  met({ id, body, parent }: Comment): void {
    const unsent = this.#sending?.queue.of(this.#view.channel ?? "").find(({ draft }) => draft.body === body && (draft.parent ?? null) === parent);
    if (unsent) this.#view.rename(localId(unsent.draft.nonce), id);
  }

  /** Why the comment is shown to the reader alone. */
  said({ id, state }: Comment): string {
    return this.#view.words.say(`comment.${state}`, { why: this.#why.get(id) ?? "" });
  }

  /** What a shown comment waits as, and where. */
  unsent(id: string): { unsent?: Unsent | undefined; queue?: Queue } {
    const { queue, unsentOf } = this.#sending ?? {};
    return queue ? { queue, unsent: unsentOf!(queue, this.#view.channel, id) } : {};
  }

  /** Opens the form for an answer. */
  reply(article: Article): void {
    import("./answer").then(({ reply }) => reply(this.#view, article)).catch((error: unknown) => this.#view.fail(error));
  }

  /** A form of this thread. */
  compose(options: Omit<ComposerOptions, "words" | "around">): Composer {
    const { words, around } = this.#view;
    return new Composer({ words, around, view: this.#view, ...options });
  }

  /** A form that keeps what is typed, for an answer to the comment `parent` or (empty) above the thread. */
  draft(parent: string, label: string, send: string, cancel?: () => void): Composer {
    const { around, place } = this.#view;
    const page = JSON.stringify([around.server, around.site, place, parent]);
    const form = this.compose({
      label,
      send,
      parent,
      asksWho: () => !around.identity.signedIn,
      draft: () => this.#sending?.readDraft(page) ?? "",
      keep: (text) => this.#sending?.keepDraft(page, text),
      ...(cancel && { cancel }),
      begin: () => this.begin(),
      submit: async (written) => {
        await this.#post(written, parent);
        cancel?.();
      },
    });
    if (!this.#sending) this.#early.push(form);
    return form;
  }

  async #post({ body, name, emailHash, website }: Written, parent: string): Promise<void> {
    const view = this.#view;
    const { queue } = await this.load();
    const { identity } = view.around;
    const where = view.place;
    // While the server cannot be asked, the channel is found by the same rules.
    view.channel ??= "channel" in where ? where.channel : (await import("../client/page")).pageChannel(where.url, where.id);
    const draft: Draft = { body, nonce: newNonce(), ...(parent && { parent }), ...(website && { website }) };
    if (name || emailHash) draft.author = { name, ...(emailHash && { email_hash: emailHash }) };
    if ("url" in where) draft.page = { url: where.url, ...(where.id && { id: where.id }), title: document.title.slice(0, LIMITS.titleCharacters) };
    identity.name = name || identity.name;
    queue.add(view.channel, draft);
    view.changed();
  }

  async #changed({ draft, problem }: Unsent): Promise<void> {
    if (problem) this.#why.set(localId(draft.nonce), await explain(problem, this.#view.words));
    this.#view.changed();
  }

  #sent({ draft }: Unsent, comment: Comment): void {
    const view = this.#view;
    const { identity } = view.around;
    identity.posted(comment.author?.id);
    this.#why.delete(localId(draft.nonce));
    view.rename(localId(draft.nonce), comment.id);
    view.thread.put(comment);
    view.changed();
    void view.remember();
    view.element.tell("comment", { comment });
  }
}
