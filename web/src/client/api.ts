/**
 * The HTTP interface of CONTRACT §3, as far as the elements need it: `fetch`, no credentials, a
 * bearer token where there is one. Reads without a token need no preflight and may be cached.
 * Posting carries a nonce and is repeated with it when the outcome is unknown, so that nothing is
 * posted twice.
 */
import { backoff_ms, backoffDefaults } from "./backoff";
import type { BackoffOptions } from "./backoff";
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
  before?: string;
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

/** Tries of a post in all, and the longest wait between two, whatever the server asks for. */
const POST_TRIES = 4;
const PAUSE_MS_MAX = 30_000;
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
  readonly #backoff: BackoffOptions;

  constructor(server: string, site: string | null, identity: Identity, backoff = backoffDefaults) {
    this.#server = server;
    this.#site = site;
    this.#identity = identity;
    this.#backoff = backoff;
  }

  async comments(place: Place, query: ListQuery, signal: AbortSignal): Promise<CommentPage> {
    const where = "channel" in place ? {} : place.id ? { id: place.id } : { url: place.url };
    const token = await this.#identity.readingToken();
    const path = `v1/channels/${segment(place)}/comments`;
    return this.#ask<CommentPage>({ path, query: { ...where, ...query }, token, signal });
  }

  /** Posts, as a guest made for it if need be. */
  async post(channel: string, draft: Draft, signal: AbortSignal): Promise<Comment> {
    const path = `v1/channels/${encodeURIComponent(channel)}/comments`;
    for (let attempt = 0; ; attempt++) {
      try {
        const token = await this.#actingToken(signal);
        const answer = await this.#ask<{ comment: Comment; token?: string }>({ method: "POST", path, body: draft, token, signal });
        if (answer.token) this.#identity.guest(answer.token);
        return answer.comment;
      } catch (error) {
        if (!(error instanceof Problem) || attempt + 1 >= POST_TRIES) throw error;
        const worthIt = error.unreachable || error.status === 503 || this.#renewed(error);
        if (!worthIt) throw error;
        await pause(Math.min(error.retryAfter_ms ?? backoff_ms(attempt, this.#backoff), PAUSE_MS_MAX), signal);
      }
    }
  }

  async edit(id: string, body: string, signal: AbortSignal): Promise<Comment> {
    const answer = await this.#act<Comment | { comment: Comment }>("PATCH", `v1/comments/${encodeURIComponent(id)}`, { body }, signal);
    return "comment" in answer ? answer.comment : answer;
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    await this.#act("DELETE", `v1/comments/${encodeURIComponent(id)}`, undefined, signal);
  }

  /** What `body` would look like. */
  async preview(body: string, signal: AbortSignal): Promise<string> {
    return (await this.#act<{ html: string }>("POST", "v1/preview", { body }, signal)).html;
  }

  /** Tells those present that somebody writes. */
  async typing(channel: string, name: string, parent: string | null, signal: AbortSignal): Promise<void> {
    await this.#act("POST", `v1/channels/${encodeURIComponent(channel)}/typing`, { name, parent }, signal);
  }

  async presence(channel: string, signal: AbortSignal): Promise<number> {
    const path = `v1/channels/${encodeURIComponent(channel)}/presence`;
    return (await this.#ask<{ viewers: number }>({ path, signal })).viewers;
  }

  async #act<T>(method: string, path: string, body: unknown, signal: AbortSignal): Promise<T> {
    return this.#ask<T>({ method, path, body, token: await this.#identity.token(), signal });
  }

  /** A nonce is remembered only for a member, so there has to be one before the first post. */
  async #actingToken(signal: AbortSignal): Promise<string | null> {
    const token = await this.#identity.token();
    if (token) return token;
    const guest = await this.#ask<{ token: string }>({ method: "POST", path: "v1/guests", body: {}, signal });
    this.#identity.guest(guest.token);
    return guest.token;
  }

  /** A guest whose token the server no longer knows becomes a new one. */
  #renewed(problem: Problem): boolean {
    if (problem.status !== 401 || this.#identity.signedIn) return false;
    this.#identity.forgetGuest();
    return true;
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

/** Waits, unless it is called off. */
function pause(wait_ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const called = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", called);
      resolve();
    }, wait_ms);
    if (signal.aborted) called();
    else signal.addEventListener("abort", called, { once: true });
  });
}
