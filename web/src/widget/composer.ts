/**
 * The form for a new comment, an answer or an edit: a field and a button, and the rest of it when somebody
 * begins to use it. It holds text and says when it is to be sent; sending is the element's part. What
 * is typed is kept as a draft until it is sent; the tools for writing are `tools.ts`, what is asked of
 * the server for them goes through `around`.
 */
import { LIMITS } from "../client/codes";
import { explain } from "./explain";
import { button, h, say, set } from "./h";
import type { ThreadView } from "./comments";
import type { Surroundings } from "./surroundings";
import type { Words } from "./words";

export interface Written {
  body: string;
  name: string;
  /** SHA-256 of the address, trimmed and in lower case; the address itself stays here. */
  emailHash: string | null;
  /** What stands in the field that nobody sees: robots fill it. */
  website: string;
}

export interface ComposerOptions {
  words: Words;
  around: Surroundings;
  /** What the text area is called. */
  label: string;
  send: string;
  /** Whether it asks for a name and an e-mail address; known when somebody begins to write. */
  asksWho: () => boolean;
  body?: string;
  /** What was typed the last time. */
  draft?: () => string;
  /** Keeps what is typed, or (empty) forgets it. */
  keep?: (text: string) => void;
  /** Rejects with what the reader is to be told of. */
  submit: (written: Written) => Promise<unknown> | void;
  /** Somebody begins to write. */
  begin?: () => void;
  /** Shown only where there is something to go back to. */
  cancel?: () => void;
  /** The thread, and the comment that is answered. */
  view?: ThreadView;
  parent?: string;
}

const EMAIL_MAX = 254;

/** Tells the forms of a page from each other. */
let made = 0;

export class Composer {
  readonly element: HTMLFormElement;
  readonly body: HTMLTextAreaElement;
  /** Where the tools go; its room is kept from the start. */
  readonly tools = h("div.tools");
  readonly options: ComposerOptions;
  readonly #id = `f${++made}`;
  readonly #name: HTMLInputElement;
  readonly #email: HTMLInputElement;
  readonly #website = h("input.quiet", { name: "website", tabindex: -1, autocomplete: "off", "aria-hidden": "true" });
  readonly #error = h("p.error", { id: `${this.#id}-error`, role: "alert", hidden: true });
  #isWhole = false;
  #pending = false;

  constructor(options: ComposerOptions) {
    const { words, around, label, send, cancel, keep, draft, body = "" } = options;
    this.options = options;
    this.body = h("textarea", { part: "textarea", rows: 3, dir: "auto", maxlength: LIMITS.bodyCharacters, oninput: () => keep?.(this.body.value) });
    this.body.value = body || draft?.() || "";
    this.#name = h("input", { part: "input", maxlength: LIMITS.nameCharacters, autocomplete: "nickname", dir: "auto" });
    this.#name.value = around.identity.name;
    this.#email = h("input", { part: "input", type: "email", maxlength: EMAIL_MAX, autocomplete: "email" });
    const field = this.#field(this.body, "body", label);
    field.append(this.tools);
    this.element = h(
      "form.composer",
      { novalidate: true, onsubmit: (event: Event) => this.#submitted(event), onkeydown: (event: KeyboardEvent) => this.#key(event), onfocusin: () => this.#unfold() },
      field,
      this.#error,
      h("div.buttons", {}, h("button.primary", { type: "submit" }, send), cancel && button("button", words.say("form.cancel"), cancel)),
    );
  }

  /** Drafts are there now: what is typed already is kept, and where nothing is, what was typed the last time is shown. */
  restore(): void {
    const { draft, keep } = this.options;
    if (this.body.value) keep?.(this.body.value);
    else this.body.value = draft?.() ?? "";
  }

  focus(): void {
    this.body.focus();
    this.body.selectionStart = this.body.value.length;
  }

  /** Puts `text` where the cursor is. */
  insert(text: string): void {
    this.body.focus();
    this.body.setRangeText(text, this.body.selectionStart, this.body.selectionEnd, "end");
    this.options.keep?.(this.body.value);
  }

  /** Somebody begins to write. */
  #unfold(): void {
    if (this.#isWhole) return;
    this.#isWhole = true;
    const { words, asksWho, begin } = this.options;
    begin?.();
    const who = (input: HTMLInputElement, name: string): HTMLElement => this.#field(input, name, words.say(`form.${name}`), words.say(`form.${name}.hint`));
    if (asksWho()) this.#error.before(h("div.who", {}, who(this.#name, "name"), who(this.#email, "email"), this.#website));
    this.element.lastChild!.appendChild(h("span.hint", {}, words.say("form.keys")));
    import("./tools").then(({ equip }) => equip(this)).catch(() => {});
  }

  #field(input: HTMLElement, name: string, label: string, hint = ""): HTMLElement {
    input.id = `${this.#id}-${name}`;
    const hinted = hint && `${input.id}-hint`;
    set(input, "aria-describedby", hinted || null);
    return h("div.field", {}, h("div.labels", {}, h("label", { for: input.id }, label), hint && h("span.hint", { id: hinted }, hint)), input);
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#submitted(event);
    if (event.key === "Escape" && this.options.cancel) {
      event.stopPropagation();
      this.options.cancel();
    }
  }

  #submitted(event: Event): void {
    event.preventDefault();
    if (!this.#pending) void this.#send();
  }

  async #send(): Promise<void> {
    const { words, keep, submit } = this.options;
    const body = this.body.value.trim();
    this.#complain(body ? "" : words.say("form.empty"));
    if (!body) return this.body.focus();
    const email = this.#email.value.trim().toLowerCase();
    this.#pending = true;
    try {
      const emailHash = email ? (await import("../client/sha256")).sha256(email) : null;
      await submit({ body, name: this.#name.value.trim(), emailHash, website: this.#website.value });
      this.body.value = "";
      keep?.("");
    } catch (error) {
      this.#complain(await explain(error, words));
    }
    this.#pending = false;
  }

  #complain(text: string): void {
    say(this.#error, text);
    this.#error.hidden = !text;
    set(this.body, "aria-invalid", text ? "true" : null);
    set(this.body, "aria-describedby", text ? this.#error.id : null);
  }
}
