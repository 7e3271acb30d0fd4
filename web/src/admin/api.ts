/**
 * The moderators' interface of the server, typed: every question and order of the admin page. The token comes with the address
 * (`#token=…`, as the server's start-up line prints it) or is typed; it lives as long as the tab and is sent in a header alone.
 */

export interface Author {
  id: string;
  name: string;
  role: string | null;
  verified: boolean;
}

export interface Comment {
  id: string;
  channel: string;
  author: Author | null;
  body: string;
  html: string;
  created: string;
  state: "approved" | "pending" | "spam" | "deleted";
}

export interface Filing {
  comment: Comment;
  reason: string | null;
  reports: number;
  shadow: boolean;
  address: boolean;
  trusted: boolean;
}

export interface Found {
  comments: Filing[];
  next: string | null;
  waiting: number;
}

export interface Rules {
  hold: "nothing" | "first" | "all";
  links: number | null;
  words: string[];
  slow_seconds: number;
}

export interface Record_ {
  id: number;
  time: string;
  by: string;
  act: string;
  target: string;
  undoable: boolean;
  undone: string | null;
}

export interface Block {
  whom: string;
  name: string;
  since: string;
  until: string | null;
}

export interface Trusted {
  whom: string;
  name: string;
  since: string;
}

export interface Hour {
  begin: string;
  came: number;
  held: number;
}

export interface Channel {
  channel: string;
  url: string;
  title: string;
  closed: boolean;
  comments: number;
  viewers: number;
}

export interface Thread {
  channel: string;
  url: string;
  title: string;
  closed: boolean;
  comments: number;
  made: string;
}

export type Order =
  | { act: "approve" | "trust" | "hold" | "reject" | "spam" | "shadow"; ids: string[] }
  | { act: "block"; id: string; seconds?: number; address?: boolean; all?: boolean }
  | { act: "unblock" | "untrust"; whom: string }
  | { act: "rules"; rules: Rules };

export interface Done {
  record: number;
  changed: number;
  /** What was taken back, where this was taking back. */
  undone?: { act: string; target: string; ids: string[] };
}

/** What the moderators' channel tells. */
export interface News {
  event: "held" | "reported" | "done";
  id?: string;
  ids?: string[];
  by?: string;
  act?: string;
}

/** The server refused: with its status and its own words. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const TOKEN = "parlour.admin";
const MODERATION = "/v1/channels/%24parlour%3Amoderation/events";

/** Takes a token out of the address, so that no history keeps it. */
export function takeToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(TOKEN, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(TOKEN);
}

export function keepToken(token: string | null): void {
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

async function ask<T>(path: string, method = "GET", body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Authorization: `Bearer ${sessionStorage.getItem(TOKEN) ?? ""}`, Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null, credentials: "omit" });
  if (answer.status === 204) return undefined as T;
  const told = (await answer.json()) as T & { title?: string; detail?: string };
  if (!answer.ok) throw new Refused(answer.status, told.detail ?? told.title ?? String(answer.status));
  return told;
}

const query = (values: Record<string, string | number | null | undefined>): string => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  return `?${parameters}`;
};

export const api = {
  search: (wanted: Record<string, string | null>): Promise<Found> => ask(`/v1/moderation/comments${query(wanted)}`),
  one: (id: string): Promise<Filing> => ask(`/v1/moderation/comments/${encodeURIComponent(id)}`),
  order: (order: Order): Promise<Done> => ask("/v1/moderation/orders", "POST", order),
  undo: (record: number): Promise<Done> => ask(`/v1/moderation/records/${record}/undo`, "POST"),
  records: (before?: number): Promise<{ records: Record_[] }> => ask(`/v1/moderation/records${query({ before })}`),
  blocks: (): Promise<{ blocks: Block[] }> => ask("/v1/moderation/blocks"),
  trusted: (after?: string): Promise<{ trusted: Trusted[]; next: string | null }> => ask(`/v1/moderation/trusted${query({ after })}`),
  hours: (hours: number): Promise<{ hours: Hour[] }> => ask(`/v1/moderation/hours${query({ hours })}`),
  rules: (): Promise<{ rules: Rules; locked: string[] }> => ask("/v1/moderation/rules"),
  channels: (): Promise<{ channels: Channel[] }> => ask("/v1/moderation/channels"),
  threads: (after?: string): Promise<{ threads: Thread[]; next: string | null }> => ask(`/v1/moderation/threads${query({ after })}`),
  close: (channel: string, closed: boolean): Promise<unknown> => ask(`/v1/channels/${encodeURIComponent(channel)}`, "PATCH", { closed }),
};

/** Hears the moderators' channel until the signal ends it: one long poll after the other, each from where the last ended. */
export async function listen(heard: (news: News) => void, gap: () => void, signal: AbortSignal): Promise<void> {
  let since: string | null = null;
  let wait_ms = 1_000;
  while (!signal.aborted) {
    try {
      const told: { position: string; events: { data: News }[]; gap?: boolean } = await ask(`${MODERATION}${query({ since, wait: 25 })}`, "GET", undefined, signal);
      if (told.gap) gap();
      since = told.position;
      told.events.forEach((event) => heard(event.data));
      wait_ms = 1_000;
    } catch (error) {
      if (signal.aborted || (error instanceof Refused && error.status < 500 && error.status !== 429)) return;
      await new Promise((wake) => setTimeout(wake, wait_ms * (1 + Math.random())));
      wait_ms = Math.min(wait_ms * 2, 30_000);
    }
  }
}
