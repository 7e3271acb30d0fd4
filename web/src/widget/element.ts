/**
 * What all elements have in common: attributes that say what they are about, an open shadow root, and a life in which moving an element changes nothing, while another page, channel, server or identity
 * ends what runs (one `AbortSignal` calls off everything) and starts anew. It starts when the reader
 * comes near.
 */
import { onNavigation, pageUrl, permalink } from "./address";
import { wordsFor } from "./words";
import type { Words } from "./words";

/** What decides what is shown; `theme` changes looks alone (`theme.ts`). `account` is no author's: it changes when somebody signs in or out (`client/account.ts`). */
const ATTRIBUTES = ["channel", "page-id", "site", "server", "lang", "token", "token-url", "limit", "sort", "account", "title-count", "faces"];
/** How near is near. */
const NEAR = "1000px";

export abstract class ParlourElement extends HTMLElement {
  static readonly observedAttributes: readonly string[] = ATTRIBUTES;
  protected readonly root: ShadowRoot = this.shadowRoot ?? this.attachShadow({ mode: "open" });
  /** What decides what is shown, while something is. */
  #running: string | null = null;
  #abort: AbortController | undefined;
  #queued = false;

  /** Shows and keeps up to date until `signal` says stop. */
  protected abstract start(words: Words, signal: AbortSignal): void;

  connectedCallback(): void {
    this.#settleSoon();
  }

  disconnectedCallback(): void {
    this.#settleSoon();
  }

  attributeChangedCallback(): void {
    this.#settleSoon();
  }

  /** Tells the page: `parlour:NAME`, bubbling out of shadow roots. */
  tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(`parlour:${name}`, { detail, bubbles: true, composed: true }));
  }

  /** Several changes of one turn are one: an element that is moved is taken out and put in. */
  #settleSoon(): void {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      this.#settle();
    });
  }

  #settle(): void {
    const key = this.isConnected ? this.#key() : null;
    if (key === this.#running) return;
    this.#running = key;
    this.#abort?.abort();
    if (key === null) return;
    this.#abort = new AbortController();
    void this.#begin(this.#abort.signal);
  }

  async #begin(signal: AbortSignal): Promise<void> {
    onNavigation(() => this.#settleSoon(), signal);
    // The language of the element: its own, that of what it stands in, the reader's.
    const lang = this.closest<HTMLElement>("[lang]")?.lang || navigator.language || "en";
    const [words] = await Promise.all([wordsFor(lang), this.#isNear(signal)]);
    if (!signal.aborted) this.start(words, signal);
  }

  /** Resolves when the reader is near, or follows a link into the thread. */
  #isNear(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const observer = new IntersectionObserver(
        (seen) => {
          if (!permalink() && !seen.some(({ isIntersecting }) => isIntersecting)) return;
          observer.disconnect();
          resolve();
        },
        { rootMargin: NEAR },
      );
      observer.observe(this);
      signal.addEventListener("abort", () => observer.disconnect());
    });
  }

  /** Everything that decides what is shown. */
  #key(): string {
    const values = ATTRIBUTES.map((name) => this.getAttribute(name));
    const follows = !this.hasAttribute("channel") && !this.hasAttribute("page-id");
    return JSON.stringify([values, follows ? pageUrl() : null]);
  }
}

/** Defines an element once, also when two servers' scripts are on one page. */
export function define(name: string, constructor: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, constructor);
}
