/**
 * The HTTP interface of CONTRACT §3, as far as the elements need it: `fetch`, no credentials, a
 * bearer token where there is one. Reads without a token need no preflight and may be cached.
 * Acting as a guest who has no token yet is `member.ts`; repeating a post is `queue.ts`.
 */
import type { CommentPage } from "./event";
import type { Identity } from "./identity";
import { Problem } from "./problem";

export { Problem } from "./problem";

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
    const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body !== undefined && { "Content-Type": JSON_TYPE }) };
    let answer: Response;
    try {
      answer = await fetch(url, { method, headers, credentials: "omit", body: JSON.stringify(body) ?? null, signal: signal ?? null });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(0, "unreachable", "unreachable");
    }
    if (!answer.ok) throw await (await import("./failure")).problemOf(answer, this.identity);
    return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
  }
}
