/**
 * The form for a new comment, an answer or an edit; the one above the thread begins as a bare field
 * (`comments.ts`) and is made whole in place. It holds text and says when it is to be sent;
 * sending is the element's part. What is typed is kept as a draft until it is sent; the tools for
 * writing (`tools.ts`) come when somebody begins to.
 */
import { LIMITS } from "../client/codes";
import { bareForm } from "./form";
import { button, h, say, set } from "./h";
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
  /** What the text area is called. */
  label: string;
  send: string;
  /** Asks for a name and an e-mail address. */
  asksWho: boolean;
  name?: string;
  body?: string;
  /** Keeps what is typed, or (empty) forgets it. */
  keep?: (text: string) => void;
  /** What `text` would look like, as the server shows it. */
  preview: (text: string) => Promise<string>;
  /** Rejects with what the reader is to be told, as an `Error`. */
  submit: (written: Written) => Promise<void> | void;
  /** Puts who is signed in, or how to, into a line of its own. */
  account?: (line: HTMLElement) => void;
  /** Shown only where there is something to go back to. */
  cancel?: () => void;
}

const EMAIL_MAX = 254;

export class Composer {
  readonly element: HTMLFormElement;
  readonly body: HTMLTextAreaElement;
  /** Where the tools go; its room is kept from the start. */
  readonly tools = h("div.tools");
  readonly options: ComposerOptions;
  readonly #name: HTMLInputElement;
  readonly #email: HTMLInputElement;
  readonly #website = h("input.quiet", { name: "website", tabindex: -1, autocomplete: "off", "aria-hidden": "true" });
  readonly #error: HTMLElement;
  #pending = false;

  /** Makes a form, or makes the bare one `form` whole: what was typed there meanwhile stays. */
  constructor(options: ComposerOptions, form = bareForm(options.label, options.send)) {
    const { words, asksWho, account, cancel } = options;
    const id = form.id;
    this.element = form;
    this.options = options;
    this.body = form.querySelector("textarea")!;
    this.body.maxLength = LIMITS.bodyCharacters;
    this.body.value ||= options.body ?? "";
    this.body.addEventListener("input", () => options.keep?.(this.body.value));
    this.#name = h("input", { id: `${id}-name`, part: "input", maxlength: LIMITS.nameCharacters, autocomplete: "nickname", dir: "auto" });
    this.#name.value = options.name ?? "";
    this.#email = h("input", { id: `${id}-email`, part: "input", type: "email", maxlength: EMAIL_MAX, autocomplete: "email" });
    this.#error = h("p.error", { id: `${id}-error`, role: "alert", hidden: true });
    this.body.after(this.tools);
    const buttons = form.lastElementChild!;
    if (asksWho) buttons.before(h("div.who", {}, this.#field(this.#name, "form.name"), this.#field(this.#email, "form.email"), this.#website));
    if (account) {
      const line = h("div.account");
      buttons.before(line);
      account(line);
    }
    buttons.before(this.#error);
    if (cancel) buttons.append(button("button", words.say("form.cancel"), cancel));
    buttons.append(h("span.hint", {}, words.say("form.keys")));
    form.addEventListener("submit", (event) => this.#submitted(event));
    form.addEventListener("keydown", (event) => this.#key(event));
    const equipped = (): unknown => import("./tools").then(({ equip }) => equip(this)).catch(() => {});
    if (form.contains((form.getRootNode() as ShadowRoot).activeElement)) equipped();
    else form.addEventListener("focusin", equipped, { once: true });
  }

  focus(): void {
    this.body.focus();
    this.body.selectionStart = this.body.value.length;
  }

  /** Puts `text` where the cursor is, in the browser's own history, so that it can be undone. */
  insert(text: string): void {
    this.body.focus();
    this.body.setRangeText(text, this.body.selectionStart, this.body.selectionEnd, "end");
    this.options.keep?.(this.body.value);
  }

  #field(input: HTMLInputElement, key: string): HTMLElement {
    const { words } = this.options;
    const hint = h("span.hint", { id: `${input.id}-hint` }, words.say(`${key}.hint`));
    set(input, "aria-describedby", hint.id);
    return h("div.field", {}, h("div.labels", {}, h("label", { for: input.id }, words.say(key)), hint), input);
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
    this.send();
  }

  /** Sends what is there, as if the button had been pressed. */
  send(): void {
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
      this.#complain((error as Error).message);
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
