/**
 * `<parlour-count>`: how many comments a page or channel has, as a bare number; with `unread` how many of them are new since the
 * reader's last visit, or nothing. All of a page ask
 * together, in few requests that need no preflight; a thread on the same page keeps its own current.
 * It is loaded alone on pages that list other pages (`url`), so it is a part of its own that shares
 * nothing with the others, not even what all elements have in common.
 */
import { OWN_SERVER, onNavigation, pageUrl } from "./address";

const ATTRIBUTES = ["channel", "page-id", "site", "server", "lang", "url", "unread"];
/** As many as the server answers in one GET. */
const ASKED_MAX = 50;
/** Long enough for a page's elements to be found together. */
const GATHER_MS = 20;

/** What is counted: the parameter's name and value. */
type Asked = [name: string, value: string, show: (comments: number) => void];

/** What waits to be asked, by server and site. */
const waiting = new Map<string, Asked[]>();

async function ask(address: string): Promise<void> {
  const all = waiting.get(address)!;
  waiting.delete(address);
  while (all.length) {
    const some = all.splice(0, ASKED_MAX);
    const url = new URL(address);
    for (const [name, value] of some) url.searchParams.append(name, value);
    try {
      const { counts } = (await (await fetch(url, { credentials: "omit" })).json()) as { counts: Record<string, { comments: number }> };
      for (const [, value, show] of some) show(counts[value]?.comments ?? 0);
    } catch {
      // A number that cannot be had is left out: the page says the same without it.
    }
  }
}

class ParlourCount extends HTMLElement {
  static readonly observedAttributes = ATTRIBUTES;
  /** What is shown now; another start makes it stale. */
  #turn: AbortController | null = null;

  connectedCallback(): void {
    this.#turn?.abort();
    const { signal } = (this.#turn = new AbortController());
    if (!this.getAttribute("url")) onNavigation(() => this.connectedCallback(), signal);
    void this.#count(signal);
  }

  disconnectedCallback(): void {
    this.#turn?.abort();
    this.#turn = null;
  }

  attributeChangedCallback(): void {
    if (this.#turn) this.connectedCallback();
  }

  async #count(signal: AbortSignal): Promise<void> {
    const [channel, id, site, server, , url] = ATTRIBUTES.map((name) => this.getAttribute(name));
    const address = new URL("v1/counts", server ? new URL(server.replace(/\/?$/, "/"), document.baseURI) : OWN_SERVER);
    const base = address.href.slice(0, -9);
    if (site) address.searchParams.set("site", site);
    let name = channel || id ? "channel" : "url";
    let value = channel || pageUrl();
    if (url) [name, value] = ["url", new URL(url, document.baseURI).href];
    else if (id && !channel) value = (await import("../client/page")).pageChannel(value, id);
    if (signal.aborted) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const lang = this.closest<HTMLElement>("[lang]")?.lang || undefined;
    const unseen = this.hasAttribute("unread") && (await import("./unseen")).unseen;
    const show = (comments: number): void => {
      if (signal.aborted) return;
      if (unseen && !(comments = unseen(base, value, name === "url", comments))) return void (root.textContent = "");
      try {
        root.textContent = comments.toLocaleString(lang);
      } catch {
        // A language that is none: an author may have typed anything.
        root.textContent = String(comments);
      }
    };
    document.addEventListener("parlour:count", ({ detail }: Event & { detail?: { server: string; channel: string; place: { url?: string }; comments: number } }) => {
      if (detail?.server === base && (detail.channel === value || detail.place.url === value)) show(detail.comments);
    }, { signal });
    const asking = waiting.get(address.href) ?? [];
    if (!asking.length) setTimeout(() => void ask(address.href), GATHER_MS);
    waiting.set(address.href, asking);
    asking.push([name, value, show]);
  }
}

if (!customElements.get("parlour-count")) customElements.define("parlour-count", ParlourCount);
