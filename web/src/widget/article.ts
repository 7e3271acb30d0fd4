/**
 * One comment on the page, with the place of its answers: built once, then updated in place, so
 * that focus, selection and an open form survive whatever happens around it. It shows; what its
 * buttons do is the element's part.
 */
import type { Author, Comment } from "../client/event";
import { avatar } from "./avatar";
import { button, h, place, set } from "./h";
import { forgetTime, showTime } from "./time";
import type { Branch } from "./tree";
import { setHtml } from "./trusted";
import type { Words } from "./words";

/** What a button of a comment may do. */
export type Deed = "reply" | "react" | "fold" | "new" | "more" | "retry" | "again" | "copy" | "discard" | "edit" | "delete" | "menu" | "unhide";

/** What articles need to know, and whom they ask. */
export interface ArticleContext {
  words: Words;
  server: string;
  /** Whether answers can be written now. */
  canReply: () => boolean;
  isOwn: (comment: Comment) => boolean;
  /** The reader does not want to see this person. */
  isHidden: (comment: Comment) => boolean;
  isFolded: (id: string) => boolean;
  /** Why it is not shown to everyone, where that is so. */
  said: (comment: Comment) => string;
  /** Answers that wait to be shown, and where a cut branch goes on. */
  waiting: (id: string) => number;
  isCut: (id: string) => boolean;
  /** More buttons, for those who may do more. */
  extra?: (article: Article) => Node[];
  act: (deed: Deed, article: Article, detail: string, target: HTMLElement) => void;
}

/** Answers deeper than this are not moved in further. */
const INDENT_MAX = 6;
/** The sign of a reaction; the others are their own. */
const SIGNS: Record<string, string> = { up: "▲", down: "▼" };

export class Article {
  /** What is compared when the reading position is kept: the comment without its answers. */
  readonly content = h("div.content");
  readonly element: HTMLElement;
  /** What stands in its parent's list of answers. */
  readonly item = h("li");
  comment: Comment;
  readonly #context: ArticleContext;
  readonly #answers: HTMLElement;
  readonly #form = h("div.form-slot");
  readonly #foot = h("div.foot");
  readonly #time = h("time");
  #shown = "";
  #footed = "";

  constructor(comment: Comment, context: ArticleContext) {
    this.comment = comment;
    this.#context = context;
    this.#answers = h("ul.answers", { "aria-label": context.words.say("comment.answers") });
    this.element = h("article.comment", { tabindex: -1 }, this.content, this.#form, this.#answers, this.#foot);
  }

  /** Shows `branch`, whose answers are already up to date. */
  update(branch: Branch, answers: readonly Article[]): void {
    const { comment } = branch;
    const { isOwn, canReply, isHidden, isFolded } = this.#context;
    this.comment = comment;
    const own = isOwn(comment);
    const folded = isFolded(comment.id);
    // `replies` and `offset` change with every answer; the first shows only while folded.
    const { replies, offset: _, ...visible } = comment;
    const state = JSON.stringify([visible, own, branch.detached, canReply(), isHidden(comment), folded && replies, answers.length > 0]);
    if (state !== this.#shown) {
      this.#shown = state;
      this.#draw(own, branch.detached, folded, answers.length > 0);
    }
    const depth = Math.min(branch.depth, INDENT_MAX);
    set(this.element, "data-depth", depth);
    for (const answer of answers) if (answer.element.parentNode !== answer.item) answer.item.append(answer.element);
    place(this.#answers, answers.map((answer) => answer.item));
    this.#answers.hidden = folded || answers.length === 0;
    this.#drawFoot(folded);
  }

  /** Opens a form under the comment, or closes the one that is open. */
  showForm(form: HTMLElement | null): void {
    place(this.#form, form ? [form] : []);
  }

  /** Brings the focus back to the button with this name, else to the comment. */
  focusButton(name: string): void {
    (this.element.querySelector<HTMLElement>(`:scope > :is(.content, .foot) [data-do="${name}"]`) ?? this.element).focus({ preventScroll: true });
  }

  /** As high as it is now, whatever is in it; or as high as what is in it. */
  keepHeight(isKept: boolean): void {
    this.content.style.minBlockSize = isKept ? `${this.content.offsetHeight}px` : "";
  }

  discard(): void {
    forgetTime(this.#time);
    this.element.remove();
    this.item.remove();
  }

  #button(deed: Deed, text: string, detail = "", more = {}): HTMLButtonElement {
    return button("button", text, ({ target }) => this.#context.act(deed, this, detail, target as HTMLElement), { "data-do": deed + detail, ...more });
  }

  #draw(own: boolean, detached: boolean, folded: boolean, hasAnswers: boolean): void {
    const { comment, element, content } = this;
    const { words, isHidden } = this.#context;
    const { state } = comment;
    // Redrawing takes the focused button away; its successor gets the focus.
    const root = content.getRootNode() as ShadowRoot;
    const focused = content.contains(root.activeElement ?? null) ? (root.activeElement as HTMLElement).dataset["do"] : undefined;
    element.id = `parlour-${comment.id}`;
    set(element, "data-id", comment.id);
    set(element, "aria-labelledby", `by-${comment.id}`);
    set(element, "data-state", state);
    set(element, "data-folded", folded);
    const isGone = state === "deleted";
    const isUnseen = !isGone && isHidden(comment);
    const body = h("div.body", { dir: "auto" });
    if (isGone || isUnseen) body.textContent = words.say(isGone ? "comment.deleted" : "comment.hidden");
    else setHtml(body, comment.html, comment.body);
    const said = state === "approved" || isGone ? "" : this.#context.said(comment);
    const hint = (text: string): HTMLElement => h("p.hint", {}, text);
    place(content, [
      this.#header(comment.author, own, folded, hasAnswers),
      ...(folded ? [] : [...(detached ? [hint(words.say("comment.detached"))] : []), body, ...(said ? [h("p.held", {}, said)] : []), ...(isGone ? [] : [this.#buttons(own, isUnseen)])]),
    ]);
    if (focused !== undefined) this.focusButton(focused);
  }

  #header(author: Author | null, own: boolean, folded: boolean, hasAnswers: boolean): HTMLElement {
    const { comment } = this;
    const { words, server } = this.#context;
    const name = author ? author.name || words.say("comment.guest") : "";
    const badge = (key: string): HTMLElement => h("span.badge", {}, words.say(key));
    showTime(this.#time, comment.created, words);
    return h(
      "header.head",
      {},
      author ? avatar(author.id, name, author.avatar, server) : h("span.avatar", { "aria-hidden": "true" }),
      h("h3.author", { id: `by-${comment.id}` }, h("bdi", {}, name || words.say("comment.deleted"))),
      own && badge("comment.you"),
      author?.role && author.role !== "member" && badge(`comment.role.${author.role}`),
      author?.verified && h("span.verified", { role: "img", "aria-label": words.say("comment.verified") }, "✓"),
      comment.pinned && badge("comment.pinned"),
      h("a.when", { href: `#parlour-${comment.id}`, title: words.say("comment.permalink") }, this.#time),
      comment.edited && comment.state !== "deleted" && h("span.hint", {}, words.say("comment.edited")),
      hasAnswers && this.#button("fold", folded ? `+ ${words.count("comment.replies", comment.replies)}` : "−", "", { class: "fold", "aria-expanded": String(!folded), "aria-label": folded ? null : words.say("comment.fold", { name }) }),
    );
  }

  #buttons(own: boolean, isUnseen: boolean): HTMLElement {
    const { words, canReply, extra } = this.#context;
    const { mine, state, reactions, author } = this.comment;
    const act = (deed: Deed): HTMLElement => this.#button(deed, words.say(`comment.do.${deed}`));
    if (isUnseen) return h("div.actions", {}, act("unhide"));
    if (state === "failed" || state === "waiting") return h("div.actions", {}, ...(["retry", "again", "copy", "discard"] as const).map(act));
    const until = mine?.editable_until;
    const isThere = state !== "sending";
    const editable = isThere && own && (until === undefined ? !mine : until !== null && Date.parse(until) > Date.now());
    const shown = state === "approved";
    const react = (name: string): HTMLElement => {
      const count = reactions[name] ?? 0;
      const label = words.say("comment.react", { name: SIGNS[name] ? words.say(`reaction.${name}`) : name, n: count });
      return this.#button("react", `${SIGNS[name] ?? name}${count ? ` ${count}` : ""}`, name, { "aria-pressed": String(mine?.reactions.includes(name) ?? false), "aria-label": label });
    };
    return h(
      "div.actions",
      {},
      ...(shown && canReply() ? ["up", ...Object.keys(reactions).filter((name) => name !== "up")].map(react) : []),
      shown && canReply() && act("reply"),
      editable && act("edit"),
      isThere && (mine?.deletable ?? own) && act("delete"),
      shown && author && !own && this.#button("menu", "⋯", "", { "aria-label": words.say("comment.do.menu"), "aria-expanded": "false" }),
      ...((extra?.(this) ?? []) as HTMLElement[]),
    );
  }

  /** Under the answers: those that wait, and those that are not loaded. */
  #drawFoot(folded: boolean): void {
    const { words, waiting, isCut } = this.#context;
    const count = folded ? 0 : waiting(this.comment.id);
    const isMore = !folded && isCut(this.comment.id);
    const state = `${count}${isMore}`;
    if (state !== this.#footed) place(this.#foot, [
      ...(count ? [this.#button("new", words.count("thread.replies", count))] : []),
      ...(isMore ? [this.#button("more", words.say("comment.do.more"))] : []),
    ]);
    this.#footed = state;
  }
}
