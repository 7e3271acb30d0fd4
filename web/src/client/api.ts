/**
 * The HTTP interface of CONTRACT §3, as far as the elements need it: `fetch`, no credentials, a
 * bearer token where there is one. Reads without a token need no preflight and may be cached.
 * Repeating a post with its nonce, so that nothing is posted twice, is `queue.ts`.
 */
import type { Comment, CommentPage } from "./event";
import type { Identity } from "./identity";

/** An RFC 9457 problem, or what stands for one when the server could not be reached (status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly #type: string;
  /** When to try again, in milliseconds, where the server said so. */
  readonly retryAfter_ms: number | null;

  constructor(status: number, type: string, message: string, retryAfter_ms: number | null = null) {
    super(message);
    this.status = status;
    this.#type = type;
    this.retryAfter_ms = retryAfter_ms;
  }

  /** Whether its type is the one with this name, whatever address stands before it. */
  is(name: string): boolean {
    return this.#type === name || /[/#:]([^/#:]+)$/.exec(this.#type)?.[1] === name;
  }

  get unreachable(): boolean {
    return this.status === 0;
  }
}

/** A place that HTTP can name: a channel, or the page at an address or with an id. */
export type Place = { channel: string } | { url: string; id: string | null };

export interface ListQuery {
  limit?: number;
  sort?: string;
  before?: string | undefined;
  view?: string;
  parent?: string | undefined;
  around?: string | undefined;
}

export interface Draft {
  body: string;
  parent?: string;
  author?: { name: string; email_hash?: string };
  nonce: string;
  page?: { url: string; id?: string; title?: string };
}

export interface Count {
  comments: number;
  viewers: number;
  views: number;
}

const JSON_TYPE = "application/json";

const segment = (place: Place): string => ("channel" in place ? encodeURIComponent(place.channel) : "page");

/** 22 characters of `[A-Za-z0-9_-]`: works where `crypto.randomUUID` does not, on plain http. */
export function newNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

async function problemOf(answer: Response): Promise<Problem> {
  const after = Number(answer.headers.get("Retry-After") ?? NaN);
  let told: { type?: string; title?: string; detail?: string } = {};
  try {
    told = (await answer.json()) as typeof told;
  } catch {
    // Not a problem document (a proxy's page): the status says enough.
  }
  const message = told.detail ?? told.title ?? `${answer.status} ${answer.statusText}`;
  return new Problem(answer.status, told.type ?? "about:blank", message, Number.isFinite(after) ? after * 1000 : null);
}

interface Request {
  method?: string;
  path: string;
  query?: Record<string, string | number | null | undefined>;
  body?: unknown;
  token?: string | null;
  signal?: AbortSignal;
}

export class Api {
  readonly #server: string;
  readonly #site: string | null;
  readonly #identity: Identity;

  constructor(server: string, site: string | null, identity: Identity) {
    this.#server = server;
    this.#site = site;
    this.#identity = identity;
  }

  async comments(place: Place, query: ListQuery, signal: AbortSignal): Promise<CommentPage> {
    const where = "channel" in place ? {} : place.id ? { id: place.id } : { url: place.url };
    const token = await this.#identity.readingToken();
    const path = `v1/channels/${segment(place)}/comments`;
    return this.#ask<CommentPage>({ path, query: { ...where, ...query }, token, signal });
  }

  /**
   * Posts once, as a guest made for it if need be: a nonce is remembered only for a member. The
   * guest's token is stored before, so that a repetition is the same member's whatever happens.
   */
  async post(channel: string, draft: Draft): Promise<Comment> {
    return this.#asMember(async (token) => {
      const answer = await this.#ask<{ comment: Comment }>({ method: "POST", path: `v1/channels/${encodeURIComponent(channel)}/comments`, body: draft, token });
      return answer.comment;
    });
  }

  /** Reacts, or takes it back; as a guest made for it if need be. */
  async react(id: string, name: string, isOn: boolean): Promise<unknown> {
    const path = `v1/comments/${encodeURIComponent(id)}/reactions/${encodeURIComponent(name)}`;
    return this.#asMember((token) => this.#ask({ method: isOn ? "PUT" : "DELETE", path, token }));
  }

  /** Any other act: edits, deletions, previews, moderation. `path` without leading `/`, `body` as JSON. */
  async act<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const token = await this.#identity.token();
    return this.#ask<T>({ method, path, body, token, ...(signal && { signal }) });
  }

  async #asMember<T>(act: (token: string) => Promise<T>): Promise<T> {
    for (let isSecond = false; ; isSecond = true) {
      let token = await this.#identity.token();
      if (!token) {
        const guest = await this.#ask<{ token: string; member?: { id: string } }>({ method: "POST", path: "v1/guests", body: {} });
        token = guest.token;
        this.#identity.guest(token);
        if (guest.member) this.#identity.own(guest.member.id);
      }
      this.#identity.remember();
      try {
        return await act(token);
      } catch (error) {
        // A guest whose token the server no longer knows becomes a new one.
        if (isSecond || !(error instanceof Problem) || error.status !== 401 || this.#identity.signedIn) throw error;
        this.#identity.forgetGuest();
      }
    }
  }

  async #ask<T>({ method = "GET", path, query = {}, body, token, signal }: Request): Promise<T> {
    const url = new URL(path, this.#server);
    for (const [name, value] of Object.entries({ ...query, site: this.#site })) {
      if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = {};
    if (token) headers["Authorization"] = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = JSON_TYPE;
    const request: RequestInit = { method, headers, credentials: "omit" };
    if (body !== undefined) request.body = JSON.stringify(body);
    if (signal) request.signal = signal;
    let answer: Response;
    try {
      answer = await fetch(url, request);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(0, "unreachable", "The server could not be reached.");
    }
    if (!answer.ok) throw await problemOf(answer);
    return (answer.headers.get("Content-Type") ?? "").includes("json") ? ((await answer.json()) as T) : (undefined as T);
  }
}

