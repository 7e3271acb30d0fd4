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
  /** A site's token, from the attribute. */
  token: string | null;
  /** Answers `{"token"}`, or `{"token": null}` for a reader who is not signed in. */
  tokenUrl: string | null;
  /** Null where the browser gives none. */
  storage: Storage | null;
}

interface Kept {
  token?: string;
  name?: string;
}

/** Members whose comments are one's own: the guest of before, the one signed in now. */
const OWN_MAX = 8;

export class Identity {
  readonly #options: IdentityOptions;
  readonly #key: string;
  readonly #own = new Set<string>();
  /** Of a guest; from the store, from `connect`, from a post, or asked for. */
  #guestToken: string | null;
  #stored: boolean;
  /** Nobody vouches: no token was given, or `token-url` said that there is none. */
  #isGuest: boolean;
  name: string;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#isGuest = !options.token && !options.tokenUrl;
    this.#key = `parlour:${options.server}:${options.site ?? "default"}`;
    const kept = this.#read();
    this.#guestToken = kept.token ?? null;
    this.#stored = kept.token !== undefined;
    this.name = kept.name ?? "";
  }

  /** Whether the author's site vouches for the reader; then no name is asked for. */
  get signedIn(): boolean {
    return !this.#isGuest;
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
    if (this.#stored) this.#write({ token, name: this.name });
  }

  /** The guest's token is not good any more. */
  forgetGuest(): void {
    this.#guestToken = null;
    this.#stored = false;
    this.#write({ name: this.name });
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
    this.#write({ token: this.#guestToken, name: this.name });
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
    try {
      return JSON.parse(this.#options.storage?.getItem(this.#key) ?? "{}") as Kept;
    } catch {
      // Blocked or broken storage is an empty one.
      return {};
    }
  }

  #write(kept: Kept): void {
    try {
      this.#options.storage?.setItem(this.#key, JSON.stringify(kept));
    } catch {
      // Full or blocked: the reader is remembered while the page is open.
    }
  }
}
