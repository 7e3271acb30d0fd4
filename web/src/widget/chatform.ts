/** The line in which a chat message is written: Enter sends, Shift+Enter breaks the line. */
import { LIMITS } from "../client/codes";
import { h } from "./h";
import type { Words } from "./words";

export interface ChatFormOptions {
  words: Words;
  name: string;
  /** A key was pressed that changed the text. */
  typed: () => void;
  send: (body: string, name: string) => void;
}

export class ChatForm {
  readonly element: HTMLFormElement;
  readonly #options: ChatFormOptions;
  readonly #name: HTMLInputElement;
  readonly #body: HTMLTextAreaElement;
  readonly #who: HTMLElement;

  constructor(options: ChatFormOptions) {
    const { words } = options;
    this.#options = options;
    this.#name = h("input", { id: "chat-name", part: "input", maxlength: LIMITS.nameCharacters, autocomplete: "nickname", dir: "auto", size: 8 });
    this.#name.value = options.name;
    this.#body = h("textarea", {
      id: "chat-body", part: "textarea", rows: 1, maxlength: LIMITS.chatCharacters, dir: "auto", enterkeyhint: "send",
      onkeydown: (event: KeyboardEvent) => this.#key(event),
      oninput: () => this.#body.value.trim() && options.typed(),
    });
    this.#who = h("div.field", { class: "field name-field", hidden: true }, h("label", { for: "chat-name" }, words.say("form.name")), this.#name);
    this.element = h(
      "form.chat-form",
      { onsubmit: (event: Event) => this.#submitted(event) },
      this.#who,
      h("div.field", {}, h("label", { for: "chat-body" }, words.say("chat.message")), this.#body),
      h("button.primary", { type: "submit" }, words.say("chat.send")),
    );
  }

  /** Whether it asks who writes. */
  set asksName(asks: boolean) {
    this.#who.hidden = !asks;
  }

  get name(): string {
    return this.#name.value.trim();
  }

  /** A message could not be taken: it is there again, in front of what was written since. */
  giveBack(body: string): void {
    this.#body.value = [body, this.#body.value].filter(Boolean).join("\n");
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submitted(event);
  }

  #submitted(event: Event): void {
    event.preventDefault();
    const body = this.#body.value.trim();
    if (!body) return;
    this.#options.send(body, this.name);
    this.#body.value = "";
  }
}
