/**
 * What all elements have in common: attributes mirrored as properties, an open shadow root, and a
 * life in which moving an element changes nothing, while another page, channel, server or identity
 * ends what runs (one `AbortSignal` calls off everything) and starts anew. It starts when the reader
 * comes near.
 */
import { onNavigation, pageUrl } from "./address";
import { wordsFor } from "./words";
import type { Words } from "./words";

const ATTRIBUTES = ["channel", "page-id", "site", "server", "theme", "lang", "token", "token-url", "limit", "sort"];
/** How near is near. */
const NEAR = "1000px";
/** This changes looks, not what is shown. */
const LOOKS = "theme";

export abstract class ParlourElement extends HTMLElement {
  static readonly observedAttributes: readonly string[] = ATTRIBUTES;
  protected readonly root: ShadowRoot = this.shadowRoot ?? this.attachShadow({ mode: "open" });
  #running: { key: string; abort: AbortController } | null = null;
  #presence: AbortController | null = null;
  #queued = false;

  /** Shows and keeps up to date until `signal` says stop. */
  protected abstract start(words: Words, signal: AbortSignal): void;

  connectedCallback(): void {
    if (!this.#presence) {
      this.#presence = new AbortController();
      onNavigation(() => this.#settleSoon(), this.#presence.signal);
      // Somebody signed in or out.
      addEventListener("parlour:account", () => this.#settle(true), { signal: this.#presence.signal });
    }
    this.#settleSoon();
  }

  disconnectedCallback(): void {
    this.#settleSoon();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before !== after && name !== LOOKS) this.#settleSoon();
  }

  /** Tells the page: `parlour:NAME`, bubbling out of shadow roots. */
  tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(`parlour:${name}`, { detail, bubbles: true, composed: true }));
  }

  /** The language of the element: its own, that of what it stands in, the reader's. */
  get #language(): string {
    return this.closest<HTMLElement>("[lang]")?.lang || navigator.language || "en";
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

  #settle(anew = false): void {
    const key = this.isConnected ? this.#key() : null;
    if (key === null) {
      this.#presence?.abort();
      this.#presence = null;
    }
    if (key === (this.#running?.key ?? null) && !anew) return;
    this.#running?.abort.abort();
    this.#running = null;
    if (key === null) return;
    const abort = new AbortController();
    this.#running = { key, abort };
    void this.#begin(abort.signal);
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const [words] = await Promise.all([wordsFor(this.#language), this.#isNear(signal)]);
    if (!signal.aborted) this.start(words, signal);
  }

  /** Resolves when the reader is near, or follows a link into the thread. */
  #isNear(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const observer = new IntersectionObserver(
        (seen) => {
          if (!seen.some(({ isIntersecting }) => isIntersecting) && !/^#parlour-/.test(location.hash)) return;
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
    const values = ATTRIBUTES.filter((name) => name !== LOOKS).map((name) => this.getAttribute(name));
    const follows = !this.hasAttribute("channel") && !this.hasAttribute("page-id");
    return JSON.stringify([values, follows ? pageUrl() : null]);
  }
}

for (const name of ATTRIBUTES) {
  const property = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  if (property in HTMLElement.prototype) continue;
  Object.defineProperty(ParlourElement.prototype, property, {
    get(this: Element) {
      return this.getAttribute(name);
    },
    set(this: Element, value: unknown) {
      if (value === null || value === undefined) this.removeAttribute(name);
      else this.setAttribute(name, String(value));
    },
  });
}

/** Defines an element once, also when two servers' scripts are on one page. */
export function define(name: string, constructor: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, constructor);
}
