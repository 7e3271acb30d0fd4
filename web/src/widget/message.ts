/** One line of a chat. Lines of the same author in a row share one name and one picture. */
import type { Comment } from "../client/event";
import { avatar } from "./avatar";
import { button, h, place, set } from "./h";
import { forgetTime, showTime } from "./time";
import { setHtml } from "./trusted";
import type { Words } from "./words";

/** After a pause of this length the name is said again. */
const PAUSE_MS = 300_000;

export class Message {
  readonly element = h("li.message");
  readonly #words: Words;
  readonly #server: string;
  readonly #time = h("time");
  #shown = "";
  readonly #settle: (id: string, isAgain: boolean) => void;

  constructor(words: Words, server: string, settle: (id: string, isAgain: boolean) => void) {
    this.#words = words;
    this.#settle = settle;
    this.#server = server;
  }

  update(comment: Comment, previous: Comment | null, own: boolean): void {
    const goesOn =
      previous?.author != null &&
      previous.author.id === comment.author?.id &&
      previous.author.name === comment.author?.name &&
      Date.parse(comment.created) - Date.parse(previous.created) < PAUSE_MS;
    const state = JSON.stringify([comment.html, comment.author, comment.state, comment.edited, goesOn, own]);
    if (state === this.#shown) return;
    this.#shown = state;
    set(this.element, "data-own", own);
    set(this.element, "data-goes-on", goesOn);
    set(this.element, "data-state", comment.state);
    const name = comment.author?.name || this.#words.say("comment.guest");
    showTime(this.#time, comment.created, this.#words);
    const body = h("div.body", { dir: "auto" });
    setHtml(body, comment.html, comment.body);
    const head = h("div.head", {}, h("bdi.author", {}, name), this.#time);
    place(this.element, [avatar(comment.author?.id ?? "", name, comment.author?.avatar ?? null, this.#server), head, body]);
    const { id, state: now } = comment;
    if (now === "approved") return;
    const words = this.#words;
    const settle = (key: string, isAgain: boolean): HTMLElement => button("button", words.say(key), () => this.#settle(id, isAgain));
    const isStuck = now === "failed" || now === "waiting";
    this.element.append(h("p.held", {}, words.say(`comment.${now}`, { why: "" })), ...(isStuck ? [settle("comment.do.retry", true), settle("comment.do.discard", false)] : []));
  }

  discard(): void {
    forgetTime(this.#time);
    this.element.remove();
  }
}
