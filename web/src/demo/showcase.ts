/**
 * The showcase: every element in every state, without a server. Whatever an element asks of an address
 * below `/showcase/STATE/` is answered here, by the state's own story; all else goes out as usual. For
 * people who style the elements, and for the tests. Runs before the elements are loaded.
 */

interface Told {
  comments?: object[];
  closed?: boolean;
  next?: string | null;
  more?: Record<string, string>;
  /** The answer to a reading; 0 never comes. */
  status?: number;
  problem?: string;
  /** The answer to a post. */
  post?: number;
  signals?: [name: string, data: object][];
  live?: object[];
}

const day = Date.parse("2026-01-02T10:00:00.000Z");
let last = 0;

function comment(body: string, more: Record<string, unknown> = {}): Record<string, unknown> & { id: string } {
  const id = `c${(++last).toString(36).padStart(4, "0")}`;
  const author = { id: `m${last % 5}`, name: ["Ada", "Grace", "عمر", "Linus", ""][last % 5], avatar: null, role: null, verified: false };
  return {
    id, channel: "page:showcase", offset: last, parent: null, root: id, depth: 0, author, body, format: "markdown", html: `<p>${body}</p>`,
    created: new Date(day + last * 60_000).toISOString(), edited: null, state: "approved", pinned: false, reactions: {}, replies: 0, ...more,
  };
}

function answer(to: ReturnType<typeof comment>, body: string, more: Record<string, unknown> = {}): ReturnType<typeof comment> {
  return comment(body, { parent: to.id, root: to["root"], depth: Number(to["depth"]) + 1, ...more });
}

const person = (name: string, more: object): object => ({ author: { id: `m-${name}`, name, avatar: null, role: null, verified: false, ...more } });

function conversation(): object[] {
  const first = comment("The thread came up before I had finished reading the page.", { reactions: { up: 3 }, replies: 3, pinned: true, ...person("Ada", { role: "admin", verified: true }) });
  const second = answer(first, "It did here, too.", { replies: 2, edited: new Date(day).toISOString(), ...person("Grace", { role: "moderator", verified: true }) });
  const third = answer(second, "", { state: "deleted", author: null, html: "", replies: 1 });
  return [first, second, third, answer(third, "An answer to something that was deleted."), comment("تعليق من اليمين إلى اليسار، مع رابط."),
    comment("rich", { html: '<p>With <strong>marks</strong>, <em>more</em>, <code>code</code> and <a href="https://example.org/">a link</a>.</p><blockquote><p>quoted</p></blockquote><ul><li>a list</li></ul><pre><code>let it = be;</code></pre>' })];
}

/** State → what is told in it. */
const STORIES: Record<string, Told> = {
  full: { comments: conversation(), next: "next" },
  empty: { comments: [] },
  loading: { status: 0 },
  closed: { comments: conversation().slice(0, 1), closed: true },
  refused: { status: 403, problem: "origin-not-allowed" },
  away: { status: 503, problem: "store-unavailable" },
  pending: { comments: [comment("This one is held.", { state: "pending", mine: { reactions: [], editable_until: "2999-01-01T00:00:00.000Z", deletable: true } })] },
  failing: { comments: [], post: 422 },
  waiting: { comments: [], post: 503 },
  arriving: { comments: conversation(), live: [comment("Something new."), comment("Something newer.")] },
  cut: (() => {
    const root = comment("A branch that goes on.", { replies: 40 });
    return { comments: [root, answer(root, "The first of many answers.")], more: { [root.id]: "cursor" } };
  })(),
  busy: { comments: conversation(), signals: [["viewers", { count: 1234 }]] },
  chat: { comments: conversation().slice(0, 2), signals: [["viewers", { count: 3 }], ["typing", { name: "Grace", parent: null }]] },
};

const storyOf = (url: string): Told | undefined => STORIES[/\/showcase\/(\w+)\//.exec(url)?.[1] ?? ""];

const json = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": status < 400 ? "application/json" : "application/problem+json", "Retry-After": "60" } });

const out = fetch;
globalThis.fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
  const url = input instanceof Request ? input.url : String(input);
  const told = storyOf(url);
  if (!told) return out(input, init);
  const method = init?.method ?? "GET";
  if (url.includes("/v1/guests")) return json(200, { token: "guest", member: { id: "m-me" } });
  if (url.includes("/v1/preview")) return json(200, { html: "<p>What it <strong>will</strong> look like.</p>" });
  if (url.includes("/v1/counts")) return json(200, { counts: {} });
  if (method === "POST") return json(told.post ?? 503, { type: told.post === 422 ? "body-too-long" : "store-unavailable", title: "The text is too long." });
  if (told.status === 0) return new Promise(() => {});
  if (told.status) return json(told.status, { type: told.problem, title: told.problem });
  const comments = told.comments ?? [];
  return json(200, { channel: "page:showcase", page: { url: location.href, title: "", closed: told.closed ?? false }, comments, next: told.next ?? null, more: told.more ?? {}, total: comments.length, position: "e:1" });
};

/** As much of a WebSocket as the connection needs. */
class Socket extends EventTarget {
  static readonly OPEN = 1;
  readyState = 1;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((close: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly #told: Told;

  constructor(url: string) {
    super();
    this.#told = storyOf(url)!;
    queueMicrotask(() => this.onopen?.());
  }

  send(text: string): void {
    const { id, connect, subscribe } = JSON.parse(text) as { id: number; connect?: object; subscribe?: { channel: string } };
    const say = (...replies: object[]): void => queueMicrotask(() => this.onmessage?.({ data: replies.map((reply) => JSON.stringify(reply)).join("\n") }));
    if (connect) return say({ id, connect: { client: "c", ping: 0 } });
    if (!subscribe) return;
    const { channel } = subscribe;
    const push = (name: string, data: object, offset?: number): object => ({ push: { channel, pub: { data, offset, tags: { event: name } } } });
    const { signals = [], live = [] } = this.#told;
    say({ id, subscribe: { epoch: "e", offset: 1, recovered: true, publications: [] } });
    setTimeout(() => say(...signals.map(([name, data]) => push(name, data)), ...live.map((data, index) => push("comment.created", data, index + 2))), 300);
  }

  close(): void {
    this.readyState = 3;
  }
}

const Real = WebSocket;
globalThis.WebSocket = new Proxy(Real, {
  construct: (_, [url]: [string]) => (storyOf(url) ? new Socket(url) : new Real(url)),
});

/** The states, each in a section of its own. */
const main = document.querySelector("main")!;
for (const state of Object.keys(STORIES)) {
  const section = document.createElement("section");
  section.id = state;
  const title = document.createElement("h2");
  title.textContent = state;
  const element = document.createElement(state === "chat" ? "parlour-chat" : "parlour-comments");
  element.setAttribute("server", `${location.origin}/showcase/${state}/`);
  element.setAttribute("channel", `showcase-${state}`);
  const lang = new URLSearchParams(location.search).get("lang");
  if (lang) element.setAttribute("lang", lang);
  section.append(title, element);
  main.append(section);
}
const parameters = new URLSearchParams(location.search);
document.documentElement.dataset["theme"] = parameters.get("theme") ?? "auto";
if (parameters.get("dir")) document.documentElement.dir = parameters.get("dir")!;

const loader = document.createElement("script");
loader.src = "/embed.js";
loader.dataset["manual"] = "";
document.head.append(loader);
