/**
 * The HTTP interface of CONTRACT §3, as far as the elements need it: `fetch`, no credentials, a
 * bearer token where there is one. Reads without a token need no preflight and may be cached.
 * Acting as a guest who has no token yet is `member.ts`; repeating a post is `queue.ts`.
 */
import type { CommentPage } from "./event";
import type { Identity } from "./identity";

/** An RFC 9457 problem, or what stands for one when the server could not be reached (status 0). */
export class Problem extends Error {
  readonly status: number;
  /** A name from `CODES`, or what a proxy says. */
  readonly type: string;
  /** When to try again, in milliseconds, where the server said so. */
  readonly retryAfter_ms: number | null;

  constructor(status: number, type: string, message: string, retryAfter_ms: number | null = null) {
    super(message);
    this.status = status;
    this.type = type;
    this.retryAfter_ms = retryAfter_ms;
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
  /** A field that people do not see. */
  website?: string;
}

export interface Count {
  comments: number;
  viewers: number;
  views: number;
}

const JSON_TYPE = "application/json";

const segment = (place: Place): string => ("channel" in place ? encodeURIComponent(place.channel) : "page");

async function problemOf(answer: Response): Promise<Problem> {
  const after_s = Number(answer.headers.get("Retry-After"));
  // What is no problem document (a proxy's page) says enough by its status.
  const told = (await answer.json().catch(() => ({}))) as { type?: string; title?: string; detail?: string };
  const message = told.detail ?? told.title ?? `${answer.status} ${answer.statusText}`;
  return new Problem(answer.status, told.type ?? "", message, after_s ? after_s * 1000 : null);
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
  readonly identity: Identity;

  constructor(server: string, site: string | null, identity: Identity) {
    this.#server = server;
    this.#site = site;
    this.identity = identity;
  }

  async comments(place: Place, query: ListQuery, signal: AbortSignal): Promise<CommentPage> {
    const where = "channel" in place ? {} : place.id ? { id: place.id } : { url: place.url };
    const token = await this.identity.readingToken();
    const path = `v1/channels/${segment(place)}/comments`;
    return this.#ask<CommentPage>({ path, query: { ...where, ...query }, token, signal });
  }

  /** Any act, with the token that there is. `path` without leading `/`, `body` as JSON. */
  async act<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const token = await this.identity.token();
    return this.#ask<T>({ method, path, body, token, ...(signal && { signal }) });
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
      throw new Problem(0, "unreachable", "unreachable");
    }
    if (!answer.ok) throw await problemOf(answer);
    return (answer.headers.get("Content-Type") ?? "").includes("json") ? ((await answer.json()) as T) : (undefined as T);
  }
}

