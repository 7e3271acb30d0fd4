/**
 * One comment on the page, with the place of its answers: built once, then updated in place, so
 * that focus, selection and an open form survive whatever happens around it. It shows; what its
 * buttons do is the element's part.
 */
import type { Author, Comment } from "../client/event";
import { avatar } from "./avatar";
import { h, place, set } from "./h";
import { forgetTime, showTime } from "./time";
import type { Branch } from "./tree";
import { setHtml } from "./trusted";
import type { Words } from "./words";

/** What articles need to know, and whom they ask. */
export interface ArticleContext {
  words: Words;
  server: string;
  /** Whether answers can be written now. */
  canReply: () => boolean;
  isOwn: (comment: Comment) => boolean;
  reply: (article: Article) => void;
  edit: (article: Article) => void;
  delete: (article: Article) => void;
}

/** How long a first press of "Delete" waits for the second. */
const SURE_MS = 5000;
/** Answers deeper than this are not moved in further. */
const INDENT_MAX = 6;

export class Article {
  readonly element: HTMLElement;
  /** What stands in its parent's list of answers. */
  readonly item: HTMLElement;
  /** What is compared when the reading position is kept: the comment without its answers. */
  readonly content: HTMLElement;
  comment: Comment;
  readonly #context: ArticleContext;
  readonly #answers: HTMLElement;
  readonly #form = h("div", { class: "form-slot" });
  readonly #time = h("time", { part: "time" });
  #shown = "";

  constructor(comment: Comment, context: ArticleContext) {
    this.comment = comment;
    this.#context = context;
    this.content = h("div", { class: "content" });
    this.#answers = h("ul", { class: "answers", part: "answers", "aria-label": context.words.say("comment.answers") });
    this.element = h(
      "article",
      { class: "comment", part: "comment", id: `parlour-${comment.id}`, "data-id": comment.id, "aria-labelledby": `by-${comment.id}`, tabindex: -1 },
      this.content,
      this.#form,
      this.#answers,
    );
    this.item = h("li", {});
  }

  /** Shows `branch`, whose answers are already up to date. */
  update(branch: Branch, answers: readonly Article[]): void {
    this.comment = branch.comment;
    const own = this.#context.isOwn(branch.comment);
    // `replies` and `offset` change with every answer, and show nowhere.
    const { replies: _, offset: __, ...visible } = branch.comment;
    const state = JSON.stringify([visible, own, branch.detached, this.#context.canReply()]);
    if (state !== this.#shown) {
      this.#shown = state;
      this.#draw(own, branch.detached);
    }
    set(this.element, "data-depth", Math.min(branch.depth, INDENT_MAX));
    for (const answer of answers) if (answer.element.parentNode !== answer.item) answer.item.append(answer.element);
    place(this.#answers, answers.map((answer) => answer.item));
    this.#answers.hidden = answers.length === 0;
  }

  /** Opens a form under the comment, or closes the one that is open. */
  showForm(form: HTMLElement | null): void {
    place(this.#form, form ? [form] : []);
    set(this.element, "data-form", form !== null);
  }

  /** Brings the focus back to the button with this name. */
  focusButton(name: string): void {
    (this.content.querySelector<HTMLElement>(`[data-do="${name}"]`) ?? this.element).focus({ preventScroll: true });
  }

  discard(): void {
    forgetTime(this.#time);
    this.element.remove();
    this.item.remove();
  }

  #draw(own: boolean, detached: boolean): void {
    const { comment } = this;
    const { words } = this.#context;
    // Redrawing takes the focused button away; its successor gets the focus.
    const focused = (this.content.getRootNode() as ShadowRoot).activeElement?.getAttribute("data-do");
    const gone = comment.state === "deleted";
    set(this.element, "data-state", comment.state);
    set(this.element, "data-own", own);
    const body = h("div", { class: "body", part: "body", dir: "auto" });
    if (gone) body.textContent = words.say("comment.deleted");
    else setHtml(body, comment.html, comment.body);
    const parts = [
      this.#header(comment.author, own),
      detached && h("p", { class: "hint" }, words.say("comment.detached")),
      body,
      comment.state === "pending" && h("p", { class: "hint held" }, words.say("comment.pending")),
      !gone && this.#buttons(own),
    ];
    place(this.content, parts.filter((part): part is HTMLElement => part instanceof HTMLElement));
    if (focused && this.content.isConnected) this.focusButton(focused);
  }

  #header(author: Author | null, own: boolean): HTMLElement {
    const { comment } = this;
    const { words, server } = this.#context;
    const name = author ? author.name || words.say("comment.guest") : "";
    const badge = (key: string, className: string): HTMLElement =>
      h("span", { class: `badge ${className}`, part: "badge" }, words.say(key));
    showTime(this.#time, comment.created, words.lang);
    return h(
      "header",
      { class: "head" },
      author ? avatar(author.id, name, author.avatar, server) : h("span", { class: "avatar gone", "aria-hidden": "true" }),
      h("h3", { id: `by-${comment.id}`, part: "author" }, h("bdi", {}, name || words.say("comment.deleted"))),
      own && badge("comment.you", "you"),
      author?.role && author.role !== "member" && badge(`comment.role.${author.role}`, "role"),
      author?.verified && h("span", { class: "verified", title: words.say("comment.verified"), role: "img", "aria-label": words.say("comment.verified") }, "✓"),
      h("a", { class: "when", href: `#parlour-${comment.id}`, title: words.say("comment.permalink") }, this.#time),
      comment.edited && comment.state !== "deleted" && h("span", { class: "hint" }, words.say("comment.edited")),
    );
  }

  #buttons(own: boolean): HTMLElement {
    const { words, canReply, reply, edit, delete: remove } = this.#context;
    const button = (name: string, act: () => void): HTMLElement =>
      h("button", { type: "button", part: "button", "data-do": name, onclick: act }, words.say(`comment.${name}`));
    const { mine, state } = this.comment;
    const until = mine?.editable_until;
    const editable = own && (until === undefined ? !mine : until !== null && Date.parse(until) > Date.now());
    const deletable = mine?.deletable ?? own;
    return h(
      "div",
      { class: "actions", part: "actions" },
      canReply() && state === "approved" && button("reply", () => reply(this)),
      editable && button("edit", () => edit(this)),
      deletable && this.#deleteButton(() => remove(this)),
    );
  }

  /** Asks once more in place: dialogs are not to be had everywhere. */
  #deleteButton(remove: () => void): HTMLElement {
    const { words } = this.#context;
    let sure = false;
    const button = h("button", { type: "button", part: "button", "data-do": "delete", onclick: pressed }, words.say("comment.delete"));
    function pressed(): void {
      if (sure) return remove();
      sure = true;
      button.textContent = words.say("comment.delete.sure");
      button.classList.add("danger");
      setTimeout(() => {
        sure = false;
        button.textContent = words.say("comment.delete");
        button.classList.remove("danger");
      }, SURE_MS);
    }
    return button;
  }
}
