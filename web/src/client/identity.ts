/**
 * Who the reader is to one site of one server: signed in by a token (given, or fetched from the
 * author's `token-url`), or a guest. A guest's token lives in memory until the first post stores
 * it; reading stores nothing. Which comments are the reader's own is learnt from answers.
 */

/** The part of `localStorage` that is used. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface IdentityOptions {
  server: string;
  site: string | null;
  /** A site's token, from the attribute; without one that of a sign-in here. */
  token: string | null;
  /** Answers `{"token"}`, or `{"token": null}` for a reader who is not signed in. */
  tokenUrl: string | null;
  /** Null where the browser gives none. */
  storage: Storage | null;
}

/** Somebody who signed in at Parlour's own origin from a page of this one. */
export interface Account {
  token: string;
  member: { id: string; name: string };
  /** Whether it was asked already if what a guest wrote here is theirs. */
  claimed?: boolean;
}

/** What the browser keeps: a guest, and who signed in since (put here by `widget/signin.ts`). */
export interface Kept {
  token?: string | null;
  name?: string;
  account?: Account | undefined;
  /** Whether they let themselves be seen among those present, while they are signed in (put here by `widget/faces.ts`). */
  face?: boolean | undefined;
}

/** What is kept under `key`; blocked or broken storage is an empty one. */
export function stored<T>(storage: Storage | null, key: string): T | null {
  try {
    return JSON.parse(storage?.getItem(key) ?? "null") as T | null;
  } catch {
    return null;
  }
}

/** Under which name. */
export const keyOf = (server: string, site: string | null): string => `parlour:${server}:${site ?? "default"}`;

/** Members whose comments are one's own: the guest of before, the one signed in now. */
const OWN_MAX = 8;

export class Identity {
  readonly #options: IdentityOptions;
  readonly #key: string;
  readonly #own = new Set<string>();
  /** Of a guest; from the store, from `connect`, from a post, or asked for. */
  #guestToken: string | null;
  #stored: boolean;
  /** `token-url` said that there is no token. */
  #isGuest = false;
  /** Who signed in here, where the author's site does not say who the reader is. */
  declare readonly holder: Account | undefined;
  name: string;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#key = keyOf(options.server, options.site);
    const kept = this.#read();
    this.holder = this.signedIn ? undefined : kept.account;
    options.token ??= this.holder?.token ?? null;
    this.#guestToken = kept.token ?? null;
    this.#stored = !!kept.token;
    this.name = kept.name ?? "";
  }

  /** Whether somebody vouches for the reader; then no name is asked for. */
  get signedIn(): boolean {
    return this.#options.token !== null || (this.#options.tokenUrl !== null && !this.#isGuest);
  }

  /** The token to act with, if there is one. `fresh`: the last one was refused as expired. */
  async token(fresh = false): Promise<string | null> {
    const { token, tokenUrl } = this.#options;
    if (tokenUrl) {
      const given = await (await import("./token")).tokenFrom(tokenUrl, fresh);
      this.#isGuest = !given;
      return given ?? this.#guestToken;
    }
    // Another tab may have become a guest since.
    return token ?? (this.#guestToken ??= this.#read().token ?? null);
  }

  /** The token to read with: only of someone who may have written here, so that others share one cached answer. */
  async readingToken(): Promise<string | null> {
    return this.signedIn || this.#stored ? this.token() : null;
  }

  /**
   * A guest's token that the server gave. The first one stays, unless the server gave this one in
   * place of it (`replaces`), which it does when the old one is not good any more.
   */
  guest(token: string, replaces: string | null = null): void {
    if (this.#guestToken !== null && this.#guestToken !== replaces) return;
    this.#guestToken = token;
    if (this.#stored) this.#write();
  }

  /** The guest's token is not good any more. */
  forgetGuest(): void {
    this.#guestToken = null;
    this.#stored = false;
    this.#write();
  }

  /** Something was posted. */
  posted(memberId: string | undefined): void {
    if (memberId) this.own(memberId);
    this.remember();
  }

  /** The reader acts: from now on the browser remembers who it was. */
  remember(): void {
    if (this.signedIn || !this.#guestToken) return;
    this.#stored = true;
    this.#write();
  }

  /** Whether the reader lets themselves be seen among those present. */
  get face(): boolean | undefined {
    return this.#read().face;
  }

  /** Whether this browser remembers the reader already. */
  get remembered(): boolean {
    return this.#stored || this.signedIn;
  }

  own(memberId: string): void {
    if (this.#own.size < OWN_MAX) this.#own.add(memberId);
  }

  isOwn(memberId: string | undefined): boolean {
    return memberId !== undefined && this.#own.has(memberId);
  }

  #read(): Kept {
    return stored<Kept>(this.#options.storage, this.#key) ?? {};
  }

  #write(): void {
    try {
      this.#options.storage?.setItem(this.#key, JSON.stringify({ ...this.#read(), token: this.#guestToken, name: this.name }));
    } catch {
      // Full or blocked: the reader is remembered while the page is open.
    }
  }
}
