/**
 * Signing in at Parlour's own origin, in the form for writing: a button where the site offers it, who is signed in and the ways out, and
 * the question whether what a guest wrote here is theirs. Opens the window, takes the one-time code from it (or, cut off from it,
 * shows signs and asks with its secret) and keeps the token; the elements start anew with it. docs/identity.md has the steps;
 * nothing secret is put into an address. Loaded when somebody begins to write, or is signed in.
 */
import type { Problem } from "../client/api";
import { keepAt, keptAt, startAnew } from "../client/account";
import type { Account } from "../client/identity";
import { sha256 } from "../client/sha256";
import { button, h, place, set } from "./h";
import { storageOf } from "./storage";
import type { Surroundings } from "./surroundings";
import type { Words } from "./words";
import english from "../locales/en.json";

/** Whose form it is. */
export interface Writer {
  readonly element: HTMLElement;
  readonly around: Surroundings;
  readonly words: Words;
}

const SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/** A page that is cut off asks so often, in milliseconds, and gives up after so long. */
const ASK_EVERY_MS = 2_000;
const PATIENCE_MS = 15 * 60_000;
/** How often the window is looked at, in milliseconds: it seems closed to a page that is cut off from it. */
const LOOK_EVERY_MS = 500;

const base64url = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
const digest = (text: string): Uint8Array => Uint8Array.from(sha256(text).match(/../g) ?? [], (pair) => parseInt(pair, 16));
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const accountIn = (text: string | null): string | undefined => /"account":.*/.exec(text ?? "")?.[0];
// Another tab.
addEventListener("storage", ({ key, oldValue, newValue }) => {
  if (key?.startsWith("parlour:") && accountIn(oldValue) !== accountIn(newValue)) startAnew();
});

class Line {
  readonly #line: HTMLElement;
  readonly #writer: Writer;
  #trip = new AbortController();

  constructor(line: HTMLElement, writer: Writer) {
    this.#line = line;
    this.#writer = writer;
  }

  async show(): Promise<void> {
    const { around } = this.#writer;
    const { api, identity: { holder: account } } = around;
    if (account) {
      this.#showAccount(account);
      // What is refused has it asked whether the sign-in is over; then it is forgotten (`client/failure.ts`).
      around.connection.watch((state) => state === "refused" && void api.act("GET", "v1/me").catch(() => {}));
      return this.#askWhose(account);
    }
    const { ways } = await api.act<{ ways: unknown[] }>("GET", "v1/auth");
    if (ways.length) this.#showWayIn();
  }

  #say(key: string, values?: Record<string, string>): string {
    return this.#writer.words.say(`signin.${key}`, values);
  }

  #showWayIn(said = ""): void {
    place(this.#line, [button("button.sign-in", this.#say("do"), () => this.#begin()), h("span.hint", { role: "status" }, said)]);
  }

  #showAccount(account: Account, said = "", more: Node[] = []): void {
    const name = account.member.name || this.#say("nameless");
    place(this.#line, [
      h("span.signed-in", { role: "status" }, said || this.#say("as", { name })),
      ...more,
      button("button.sign-out", this.#say("out"), () => this.#keep()),
      button("button.sign-out-everywhere", this.#say("everywhere"), () => void this.#leave(account)),
    ]);
  }

  /** Keeps it or forgets it. The elements start anew; in this one the reader goes on where they were. */
  #keep(account?: Account): void {
    const { element, around } = this.#writer;
    const { server, site } = around;
    // Where the browser keeps nothing: signed in as long as the element is there.
    if (!keepAt(storageOf("localStorage"), server, site, { account })) set(element, "token", account?.token);
    element.style.minHeight = `${element.offsetHeight}px`;
    const back = (): void => {
      element.style.minHeight = "";
      element.shadowRoot?.querySelector<HTMLElement>(".writing textarea, .chat-form textarea")?.focus();
    };
    element.addEventListener("parlour:count", back, { once: true });
    startAnew();
    // Its own, too, where the page keeps it in a shadow.
    if (element.getRootNode() !== document) startAnew(element.getRootNode() as ShadowRoot);
  }

  #begin(): void {
    this.#trip.abort();
    this.#trip = new AbortController();
    const { signal } = this.#trip;
    const { server, site } = this.#writer.around;
    const secret = base64url(crypto.getRandomValues(new Uint8Array(32)));
    const challenge = base64url(digest(secret));
    const query = new URLSearchParams({ site: site ?? "default", origin: location.origin, challenge });
    const opened = open(new URL(`auth/start?${query}`, server), "_blank", "popup,width=460,height=640");
    const hear = ({ source, origin, data }: MessageEvent): void => {
      if (source !== opened || origin !== new URL(server).origin || data?.parlour !== "code" || data.challenge !== challenge) return;
      this.#trip.abort();
      void this.#exchange({ secret, code: String(data.code) });
    };
    addEventListener("message", hear, { signal });
    void this.#watch(opened, secret, challenge, signal);
  }

  /** A page that isolates itself is soon cut off from its window; one whose window was closed by hand asks in vain until it is left. */
  async #watch(opened: Window | null, secret: string, challenge: string, signal: AbortSignal): Promise<void> {
    while (opened && !opened.closed && !signal.aborted) await wait(LOOK_EVERY_MS);
    if (signal.aborted) return;
    const signs = [...digest(`parlour signs ${challenge}`).slice(0, 4)].map((byte) => SIGNS[byte % 32]).join("");
    this.#showWayIn(this.#say("signs", { signs }));
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until && !signal.aborted; await wait(ASK_EVERY_MS)) {
      if (await this.#exchange({ secret })) return;
    }
  }

  /** Whether it is decided. */
  async #exchange(body: { secret: string; code?: string }): Promise<boolean> {
    try {
      const signedIn = await this.#writer.around.api.act<Account | { token: null }>("POST", "v1/auth/token", body);
      if (signedIn.token === null) return false;
      this.#trip.abort();
      this.#keep(signedIn);
    } catch (error) {
      // Out of reach is not decided, unless the code's time runs out meanwhile.
      if (!(error as Problem).status && !body.code) return false;
      this.#showWayIn(this.#say("failed"));
    }
    return true;
  }

  async #leave(account: Account): Promise<void> {
    try {
      await this.#writer.around.api.act("DELETE", "v1/auth/token");
    } catch (error) {
      if ((error as Problem).status !== 401) return this.#showAccount(account, this.#say("failed"));
    }
    this.#keep();
  }

  /** Once: whether what was written in this browser before, as a guest, is theirs. */
  async #askWhose(account: Account): Promise<void> {
    const { words, around } = this.#writer;
    const { api, identity } = around;
    const storage = storageOf("localStorage");
    const guest = keptAt(storage, around.server, around.site).token;
    if (!guest || account.claimed) return;
    const { comments } = await api.act<{ comments: number }>("POST", "v1/me/claim", { token: guest });
    const asked = (): unknown => keepAt(storage, around.server, around.site, { account: Object.assign(account, { claimed: true }) });
    if (!comments) return void asked();
    const yes = async (): Promise<void> => {
      await api.act("POST", "v1/me/claim", { token: guest, take: true });
      identity.forgetGuest();
      asked();
      this.#showAccount(account);
    };
    const no = (): void => {
      asked();
      this.#showAccount(account);
    };
    const failed = (): void => this.#showAccount(account, this.#say("failed"));
    this.#showAccount(account, "", [
      h("span.claim", { role: "status" }, words.count("signin.claim", comments)),
      button("button.claim-yes", this.#say("yes"), () => void yes().catch(failed)),
      button("button.claim-no", this.#say("no"), no),
    ]);
  }
}

/** Fills `line`; where nobody can be asked it stays empty. */
export async function offer(line: HTMLElement, writer: Writer): Promise<void> {
  writer.words.learn(english);
  try {
    await new Line(line, writer).show();
  } catch {
    // Out of reach: whoever writes goes on as who they are.
  }
}
