/**
 * `<parlour-signin>`: signs the reader in at Parlour's own origin, and says who they are. It opens
 * the window, takes the one-time code from it (or, cut off from it, shows signs and asks with its
 * secret), keeps the token in the page's storage and gives it to the page's other elements as their
 * `token`. docs/identity.md has the steps; nothing secret is put into an address.
 */
import { sha256 } from "../client/sha256";

interface SignedIn {
  token: string;
  member: { id: string; name: string };
  /** Unix seconds. */
  expires: number;
}

const SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/** A page that is cut off asks so often, in milliseconds. */
const ASK_EVERY_MS = 2_000;
/** And gives up after so long. */
const PATIENCE_MS = 15 * 60_000;
const OTHERS = "parlour-comments, parlour-chat, parlour-viewers";

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
const digest = (text: string): Uint8Array => Uint8Array.from(sha256(text).match(/../g) ?? [], (pair) => parseInt(pair, 16));

class SignInElement extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #server = "";
  #site = "default";
  #abort = new AbortController();

  connectedCallback(): void {
    this.#abort = new AbortController();
    this.#server = new URL(this.getAttribute("server") ?? import.meta.url).origin;
    this.#site = this.getAttribute("site") ?? "default";
    const kept = this.#read();
    if (kept) this.#give(kept.token);
    this.#show(kept);
  }

  disconnectedCallback(): void {
    this.#abort.abort();
  }

  get #key(): string {
    return `parlour:${this.#server}:${this.#site}:signed-in`;
  }

  #read(): SignedIn | null {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? "null") as SignedIn | null;
      return kept && kept.expires * 1000 > Date.now() ? kept : null;
    } catch {
      return null;
    }
  }

  #keep(kept: SignedIn | null): void {
    try {
      if (kept) localStorage.setItem(this.#key, JSON.stringify(kept));
      else localStorage.removeItem(this.#key);
    } catch {
      // Blocked: the reader is signed in while the page is open.
    }
    this.#give(kept?.token ?? null);
    this.#show(kept);
  }

  /** Every element of this server's on the page has the token from now on. */
  #give(token: string | null): void {
    for (const element of document.querySelectorAll(OTHERS)) {
      if ((element.getAttribute("site") ?? "default") !== this.#site) continue;
      if (token) element.setAttribute("token", token);
      else element.removeAttribute("token");
    }
  }

  #show(kept: SignedIn | null, said = ""): void {
    const button = (text: string, part: string, act: () => void): HTMLButtonElement => {
      const element = document.createElement("button");
      element.type = "button";
      element.textContent = text;
      element.part.add("button", part);
      element.addEventListener("click", act);
      return element;
    };
    const status = document.createElement("span");
    status.setAttribute("role", "status");
    status.textContent = said || (kept ? kept.member.name || "Signed in" : "");
    this.#root.replaceChildren(
      status,
      " ",
      ...(kept
        ? [button("Sign out", "sign-out", () => this.#keep(null)), " ", button("Sign out everywhere", "sign-out-everywhere", () => void this.#leave(kept))]
        : [button("Sign in", "sign-in", () => this.#begin())]),
    );
  }

  #begin(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const secret = base64url(crypto.getRandomValues(new Uint8Array(32)));
    const challenge = base64url(digest(secret));
    const query = new URLSearchParams({ site: this.#site, origin: location.origin, challenge });
    const opened = window.open(`${this.#server}/auth/start?${query}`, "_blank", "popup,width=460,height=640");
    window.addEventListener(
      "message",
      ({ source, origin, data }: MessageEvent) => {
        if (source !== opened || origin !== this.#server || data?.parlour !== "code" || data.challenge !== challenge) return;
        this.#abort.abort();
        void this.#exchange({ secret, code: String(data.code) });
      },
      { signal },
    );
    // A page that isolates itself has no window to hear from, nor one that a blocker kept.
    if (!opened || opened.closed) {
      const signs = [...digest(`parlour signs ${challenge}`).slice(0, 4)].map((byte) => SIGNS[byte % 32]).join("");
      this.#show(null, `Type ${signs} into the window`);
      void this.#wait(secret, signal);
    }
  }

  async #wait(secret: string, signal: AbortSignal): Promise<void> {
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until && !signal.aborted; ) {
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      if (!signal.aborted && (await this.#exchange({ secret }))) return;
    }
  }

  async #exchange(body: { secret: string; code?: string }): Promise<boolean> {
    try {
      const answer = await fetch(`${this.#server}/v1/auth/token`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      const signedIn = (await answer.json()) as SignedIn;
      if (answer.ok && signedIn.token) this.#keep(signedIn);
      else if (!answer.ok) this.#show(null, "That did not work: try again");
      return answer.ok ? Boolean(signedIn.token) : true;
    } catch {
      return false;
    }
  }

  async #leave({ token }: SignedIn): Promise<void> {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(`${this.#server}/v1/auth/token`, { method: "DELETE", headers }).catch(() => null);
    // A token that is refused is worth nothing either.
    if (answer && (answer.ok || answer.status === 401)) this.#keep(null);
    else this.#show(this.#read(), "That did not work: try again");
  }
}

if (!customElements.get("parlour-signin")) customElements.define("parlour-signin", SignInElement);
