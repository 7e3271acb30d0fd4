/**
 * A list of comments to be decided on, from the keyboard or by touch: one item has the focus, a letter decides on it, and the focus goes
 * to the next. Pages are fetched before the end is reached, so that ten thousand are worked through as one list.
 */
import { h, say } from "../widget/h";
import { setHtml } from "../widget/trusted";
import { api } from "./api";
import type { Done, Filing, Found, Order } from "./api";

/** What the page around a list does for it. */
export interface Surroundings {
  say(text: string): void;
  /** Runs an order, remembers how it is undone, and says what came of it. */
  order(order: Order, text: string): Promise<Done | null>;
}

/** So many before the end the next page is fetched. */
const AHEAD = 10;
/** Of so many that come at once each is put in by itself; more than that wait behind a button, whoever floods the queue. */
const NEWS_MAX = 10;

const REASONS: Record<string, string> = {
  all: "everything is looked at",
  first: "first comment",
  links: "too many links",
  word: "a word of the list",
  rate: "many new pages",
  trap: "filled the trap",
  reported: "reported",
  service: "spam service",
  moderator: "put back",
};

type Act = "approve" | "trust" | "reject" | "spam" | "shadow" | "hold";

const ACTS: { act: Act; key: string; label: string; tone?: string; done: string }[] = [
  { act: "approve", key: "a", label: "Approve", tone: "good", done: "Approved" },
  { act: "trust", key: "t", label: "Approve & trust", tone: "good", done: "Approved, and trusted from now on" },
  { act: "reject", key: "r", label: "Reject", done: "Rejected" },
  { act: "spam", key: "s", label: "Spam", tone: "bad", done: "Marked as spam" },
  { act: "shadow", key: "x", label: "Shadow", done: "Only its author sees it now" },
  { act: "hold", key: "h", label: "Hold", done: "Held" },
];

export class CommentList {
  readonly element: HTMLElement;
  readonly #items = h("div", { role: "list", "aria-label": "Comments" });
  readonly #count = h("p", { class: "quiet" });
  readonly #more = h("button", { type: "button", hidden: true, onclick: () => void this.#load() }, "More");
  readonly #around: Surroundings;
  readonly #wanted: Record<string, string | null>;
  readonly #filings = new Map<HTMLElement, Filing>();
  #next: string | null = null;
  #loading = false;
  #waiting = 0;
  readonly #news = new Set<string>();
  #fetching = false;
  readonly #fresh = h("button", { type: "button", hidden: true, onclick: () => void this.refresh() }, "More came: show the newest (N)");

  constructor(wanted: Record<string, string | null>, around: Surroundings) {
    this.#wanted = wanted;
    this.#around = around;
    this.element = h("section", {}, this.#count, this.#fresh, this.#items, this.#more);
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Reads the first page. */
  async start(): Promise<void> {
    await this.#load(true);
  }

  focus(): void {
    (this.#items.firstElementChild?.firstElementChild as HTMLElement | null | undefined)?.focus();
  }

  /** A comment came that may belong here: it is put first, without moving the focus. */
  async arrived(id: string): Promise<void> {
    if (this.#find(id) || !this.#fresh.hidden) return;
    this.#news.add(id);
    if (this.#fetching) return;
    this.#fetching = true;
    try {
      for (const next of this.#news) {
        if (this.#news.size > NEWS_MAX) return this.missed();
        this.#news.delete(next);
        this.#put(await api.one(next));
      }
    } finally {
      this.#fetching = false;
    }
  }

  /** Some came that are not known here. */
  missed(): void {
    this.#news.clear();
    this.#fresh.hidden = false;
  }

  #put(filing: Filing): void {
    const wanted = this.#wanted["state"];
    const newest = this.#filings.get(this.#items.firstElementChild as HTMLElement)?.comment.created ?? "";
    // What is older than the first is further down, and counted.
    if ((wanted && wanted !== filing.comment.state) || filing.comment.created < newest || this.#find(filing.comment.id)) return;
    this.#waiting += 1;
    this.#items.prepend(this.#item(filing));
    this.#tell();
  }

  /** Reads the list anew. */
  async refresh(): Promise<void> {
    this.#news.clear();
    this.#fresh.hidden = true;
    this.#filings.clear();
    this.#items.replaceChildren();
    this.#next = null;
    await this.#load(true);
    this.focus();
  }

  /** A comment was decided on elsewhere. */
  gone(id: string): void {
    const item = this.#find(id);
    if (item && !item.contains(document.activeElement)) this.#remove(item);
  }

  #find(id: string): HTMLElement | undefined {
    return [...this.#filings].find(([, filing]) => filing.comment.id === id)?.[0];
  }

  async #load(isFirst = false): Promise<void> {
    if (this.#loading || (!isFirst && !this.#next)) return;
    this.#loading = true;
    try {
      const found: Found = await api.search({ ...this.#wanted, before: this.#next });
      this.#next = found.next;
      this.#waiting = found.waiting;
      for (const filing of found.comments) if (!this.#find(filing.comment.id)) this.#items.append(this.#item(filing));
      this.#more.hidden = !found.next;
      this.#tell();
    } catch (error) {
      this.#around.say(error instanceof Error ? error.message : String(error));
    } finally {
      this.#loading = false;
    }
  }

  #tell(): void {
    const shown = this.#filings.size;
    say(this.#count, shown === 0 ? "Nothing here." : this.#wanted["state"] === "pending" ? `${this.#waiting} waiting` : `${shown} shown`);
  }

  #item(filing: Filing): HTMLElement {
    const { comment } = filing;
    const body = h("div", { class: "body" });
    setHtml(body, comment.html, comment.body);
    const heading = h("h3", { id: `by-${comment.id}` }, comment.author?.name || "Guest");
    const held = filing.reason ? h("span", { class: "chip" }, REASONS[filing.reason] ?? filing.reason) : null;
    const reports = filing.reports ? h("span", { class: "chip" }, `${filing.reports} reports`) : null;
    const shadow = filing.shadow ? h("span", { class: "chip" }, "shadow") : null;
    const trusted = filing.trusted ? h("span", { class: "chip" }, "trusted") : null;
    const when = h("time", { datetime: comment.created }, new Date(comment.created).toLocaleString());
    const about = h("p", { class: "quiet" }, when, ` · ${comment.state} · ${comment.channel}`);
    const item = h("article", { tabindex: "-1", "aria-labelledby": heading.id }, h("header", {}, heading, " ", held, " ", reports, " ", shadow, " ", trusted), about, body);
    // Whose comment is shown can be trusted all the same, once.
    const isDone: Partial<Record<Act, boolean>> = { approve: comment.state === "approved", trust: filing.trusted || !comment.author };
    const buttons = ACTS.filter(({ act }) => !isDone[act]).map(({ act, label, tone }) =>
      h("button", { type: "button", "data-tone": tone ?? null, onclick: () => void this.#decide(item, act) }, label),
    );
    const block = h("button", { type: "button", "data-tone": "bad", onclick: () => void this.#block(item) }, "Block");
    item.append(h("div", { class: "row" }, ...buttons, comment.author ? block : null));
    const entry = h("div", { role: "listitem" }, item);
    entry.addEventListener("focusin", () => this.#ahead(entry));
    this.#filings.set(entry, filing);
    if (this.#filings.size === 1) item.tabIndex = 0;
    return entry;
  }

  #ahead(entry: HTMLElement): void {
    for (const other of this.#filings.keys()) (other.firstElementChild as HTMLElement).tabIndex = other === entry ? 0 : -1;
    const all = [...this.#items.children];
    if (all.length - all.indexOf(entry) <= AHEAD) void this.#load();
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
    const entry = target.closest<HTMLElement>("[role=listitem]");
    const moves: Record<string, Element | null | undefined> = {
      j: entry?.nextElementSibling,
      ArrowDown: entry?.nextElementSibling,
      k: entry?.previousElementSibling,
      ArrowUp: entry?.previousElementSibling,
    };
    if (event.key in moves) {
      event.preventDefault();
      (moves[event.key]?.firstElementChild as HTMLElement | null | undefined)?.focus();
      return;
    }
    const item = entry?.firstElementChild as HTMLElement | null | undefined;
    if (!item) return;
    const act = ACTS.find(({ key }) => key === event.key);
    if (act) void this.#decide(item, act.act);
    else if (event.key === "b") void this.#block(item);
    else return;
    event.preventDefault();
  }

  async #decide(item: HTMLElement, act: Act): Promise<void> {
    const entry = item.parentElement!;
    const filing = this.#filings.get(entry);
    if (!filing) return;
    const done = ACTS.find((each) => each.act === act)!.done;
    const came = await this.#around.order({ act, ids: [filing.comment.id] }, `${done}. U undoes it.`);
    if (came) this.#leave(entry);
  }

  async #block(item: HTMLElement): Promise<void> {
    const entry = item.parentElement!;
    const filing = this.#filings.get(entry);
    if (!filing?.comment.author) return;
    const name = filing.comment.author.name || "this guest";
    const came = await this.#around.order({ act: "block", id: filing.comment.id, address: filing.address, all: true }, `Blocked ${name}; all of theirs is gone. U undoes it.`);
    if (!came) return;
    const theirs = [...this.#filings].filter(([, other]) => other.comment.author?.id === filing.comment.author!.id);
    for (const [other] of theirs) if (other !== entry) this.#remove(other);
    this.#leave(entry);
  }

  /** Takes an item away and gives the focus to the next, so that it is never lost. */
  #leave(entry: HTMLElement): void {
    const near = entry.nextElementSibling ?? entry.previousElementSibling;
    const hadFocus = entry.contains(document.activeElement);
    this.#remove(entry);
    if (!hadFocus) return;
    const next = near?.firstElementChild as HTMLElement | null | undefined;
    if (next) next.focus();
    else document.getElementById("main")?.focus();
  }

  #remove(entry: HTMLElement): void {
    if (!this.#filings.delete(entry)) return;
    entry.remove();
    this.#waiting = Math.max(0, this.#waiting - 1);
    this.#tell();
    if (this.#filings.size < AHEAD) void this.#load();
  }
}
