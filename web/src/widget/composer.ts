/**
 * The form for a new comment, an answer or an edit. It holds text and says when it is to be sent;
 * sending is the element's part. While it is pending nothing can be sent twice, and what was typed
 * stays until it has arrived.
 */
import { LIMITS } from "../client/codes";
import { sha256 } from "../client/sha256";
import { h, say, set } from "./h";
import type { Words } from "./words";

export interface Written {
  body: string;
  name: string;
  /** SHA-256 of the address, trimmed and in lower case; the address itself stays here. */
  emailHash: string | null;
}

export interface ComposerOptions {
  words: Words;
  /** What the text area is called. */
  label: string;
  send: string;
  /** Asks for a name and an e-mail address. */
  asksWho: boolean;
  name?: string;
  body?: string;
  /** Rejects with what the reader is to be told, as an `Error`. */
  submit: (written: Written) => Promise<void>;
  /** Shown only where there is something to go back to. */
  cancel?: () => void;
}

const EMAIL_MAX = 254;
let lastId = 0;

export class Composer {
  readonly element: HTMLFormElement;
  readonly #options: ComposerOptions;
  readonly #body: HTMLTextAreaElement;
  readonly #name: HTMLInputElement;
  readonly #email: HTMLInputElement;
  readonly #error: HTMLElement;
  readonly #button: HTMLButtonElement;
  #pending = false;

  constructor(options: ComposerOptions) {
    const { words, label, send, asksWho, cancel } = options;
    const id = `f${++lastId}`;
    this.#options = options;
    this.#body = h("textarea", { id: `${id}-body`, part: "textarea", rows: 3, maxlength: LIMITS.bodyCharacters, dir: "auto" });
    this.#body.value = options.body ?? "";
    this.#name = h("input", { id: `${id}-name`, part: "input", maxlength: LIMITS.nameCharacters, autocomplete: "nickname", dir: "auto" });
    this.#name.value = options.name ?? "";
    this.#email = h("input", { id: `${id}-email`, part: "input", type: "email", maxlength: EMAIL_MAX, autocomplete: "email" });
    this.#error = h("p", { id: `${id}-error`, class: "error", part: "error", role: "alert", hidden: true });
    this.#button = h("button", { class: "primary", part: "button primary", type: "submit" }, send);
    this.element = h(
      "form",
      { class: "composer", part: "form", novalidate: true, onsubmit: (event: Event) => this.#submitted(event), onkeydown: (event: KeyboardEvent) => this.#key(event) },
      h("div", { class: "field" }, h("label", { for: `${id}-body` }, label), this.#body),
      asksWho && this.#who(id),
      this.#error,
      h(
        "div",
        { class: "buttons" },
        this.#button,
        cancel && h("button", { part: "button", type: "button", onclick: () => cancel() }, words.say("form.cancel")),
        h("span", { class: "hint" }, words.say("form.keys")),
      ),
    );
  }

  focus(): void {
    this.#body.focus();
    this.#body.selectionStart = this.#body.value.length;
  }

  get text(): string {
    return this.#body.value;
  }

  #who(id: string): HTMLElement {
    const { words } = this.#options;
    const field = (input: HTMLInputElement, key: string): HTMLElement => {
      const hint = h("span", { class: "hint", id: `${input.id}-hint` }, words.say(`${key}.hint`));
      set(input, "aria-describedby", hint.id);
      return h("div", { class: "field" }, h("div", { class: "labels" }, h("label", { for: input.id }, words.say(key)), hint), input);
    };
    return h("div", { class: "who", id: `${id}-who` }, field(this.#name, "form.name"), field(this.#email, "form.email"));
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#submitted(event);
    if (event.key === "Escape" && this.#options.cancel && !this.#pending) {
      event.stopPropagation();
      this.#options.cancel();
    }
  }

  #submitted(event: Event): void {
    event.preventDefault();
    if (!this.#pending) void this.#send();
  }

  async #send(): Promise<void> {
    const body = this.#body.value.trim();
    this.#complain(body ? "" : this.#options.words.say("form.empty"));
    if (!body) return this.#body.focus();
    const email = this.#email.value.trim().toLowerCase();
    this.#setPending(true);
    try {
      await this.#options.submit({ body, name: this.#name.value.trim(), emailHash: email ? sha256(email) : null });
      this.#body.value = "";
    } catch (error) {
      this.#complain((error as Error).message);
    } finally {
      this.#setPending(false);
    }
  }

  #complain(text: string): void {
    say(this.#error, text);
    this.#error.hidden = !text;
    set(this.#body, "aria-invalid", text ? "true" : null);
    set(this.#body, "aria-describedby", text ? this.#error.id : null);
  }

  /** Read-only, not disabled: a disabled field loses the focus and what reads it aloud. */
  #setPending(pending: boolean): void {
    this.#pending = pending;
    for (const input of [this.#body, this.#name, this.#email]) input.readOnly = pending;
    set(this.#button, "aria-disabled", pending ? "true" : null);
    say(this.#button, pending ? this.#options.words.say("form.sending") : this.#options.send);
  }
}
