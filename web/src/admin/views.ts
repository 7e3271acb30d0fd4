/** The views beside the queue: search, threads, people, rules, what is read now, what was done. Each builds its element when it is opened. */
import { h } from "../widget/h";
import { api } from "./api";
import type { Rules } from "./api";
import { graph } from "./graph";
import { CommentList } from "./list";
import type { Surroundings } from "./list";

const HOURS = 48;

const when = (time: string): string => new Date(time).toLocaleString();

function table(headings: string[], rows: (string | Node)[][], caption: string): HTMLElement {
  // Their parts are said once more, because the style makes something else of them on a narrow screen.
  const cells = (row: (string | Node)[]): HTMLElement => h("tr", { role: "row" }, ...row.map((cell) => h("td", { role: "cell" }, cell)));
  const head = h("tr", { role: "row" }, ...headings.map((heading) => (heading ? h("th", { scope: "col", role: "columnheader" }, heading) : h("td", { role: "cell" }))));
  const parts = [h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }, ...rows.map(cells))];
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, h("table", { role: "table" }, ...parts));
}

function field(label: string, input: HTMLElement): HTMLElement {
  return h("label", {}, label, input);
}

/** The graph of what came and what was held. */
export async function figures(): Promise<Element> {
  const { hours } = await api.hours(HOURS);
  return graph(hours, HOURS, Date.now());
}

/** What a view about threads or people opens the search with. */
export type Look = (wanted: { author?: string; channel?: string }) => void;

const pageOf = (address: string, title: string, name: string): Node | string =>
  /^https?:/.test(address) ? h("a", { href: address, rel: "noreferrer nofollow", target: "_blank" }, title || address) : name;

/** A button that closes a thread or opens it again; what was done is told, and taken back in the log. */
function closing(around: Surroundings, thread: { channel: string; closed: boolean }): HTMLElement {
  const close = h("button", { type: "button" }, thread.closed ? "Open" : "Close");
  close.addEventListener("click", async () => {
    try {
      await api.close(thread.channel, !thread.closed);
      thread.closed = !thread.closed;
      close.textContent = thread.closed ? "Open" : "Close";
      around.say(thread.closed ? "Closed. The log takes it back." : "Opened.");
    } catch (error) {
      around.say(error instanceof Error ? error.message : String(error));
    }
  });
  return close;
}

/** A list that is read on with a button: `read` answers a table's rows and where the next page begins. */
async function paged(around: Surroundings, caption: string, headings: string[], empty: string, read: (after?: string) => Promise<{ rows: (string | Node)[][]; next: string | null }>): Promise<HTMLElement> {
  const body = h("div");
  const load = async (after?: string): Promise<void> => {
    const { rows, next } = await read(after);
    if (rows.length) body.append(table(headings, rows, caption));
    else if (after === undefined) body.append(h("p", {}, empty));
    if (next === null) return;
    const more = h("button", { type: "button" }, "More");
    more.addEventListener("click", () => {
      more.remove();
      load(next).catch((error: Error) => around.say(error.message));
    });
    body.append(more);
  };
  await load();
  return body;
}

/** The site's pages. */
export async function threads(around: Surroundings, look: Look): Promise<HTMLElement> {
  const body = await paged(around, "Threads", ["Page", "Comments", "", ""], "No page has a thread yet.", async (after) => {
    const { threads: found, next } = await api.threads(after);
    const rows = found.map((thread) => {
      const open = h("button", { type: "button", onclick: () => look({ channel: thread.channel }) }, "Comments");
      return [pageOf(thread.url, thread.title, thread.channel), `${thread.comments} shown`, open, closing(around, thread)];
    });
    return { rows, next };
  });
  return h("section", {}, h("h2", {}, "Threads"), body);
}

/** Search by words, state and author; the list is worked on like the queue. */
export function search(around: Surroundings, wanted: { author?: string; channel?: string } = {}): HTMLElement {
  const words = h("input", { type: "search", name: "words", autocomplete: "off" });
  const state = h("select", { name: "state" }, ...["", "approved", "pending", "spam", "shadow", "deleted"].map((value) => h("option", { value }, value || "any")));
  const author = h("input", { name: "author", autocomplete: "off", value: wanted.author ?? "" });
  const channel = h("input", { name: "channel", autocomplete: "off", value: wanted.channel ?? "" });
  const results = h("div");
  const show = (): void => {
    const list = new CommentList({ words: words.value, state: state.value, author: author.value, channel: channel.value }, around);
    results.replaceChildren(list.element);
    void list.start();
  };
  const form = h(
    "form",
    { class: "row", role: "search", onsubmit: (event: Event) => {
      event.preventDefault();
      show();
    } },
    field("Words", words),
    field("State", state),
    field("Member's id", author),
    field("Channel", channel),
    h("button", { type: "submit" }, "Search"),
  );
  if (wanted.author || wanted.channel) show();
  return h("section", {}, h("h2", {}, "Search"), form, results);
}

/** Comments that are looked through for who wrote lately. */
const LATELY = 100;

/** Whoever wrote one of the newest comments, with how many of these are theirs and how many were shown. */
async function writers(around: Surroundings, look: Look): Promise<HTMLElement> {
  const { comments } = await api.search({ limit: String(LATELY) });
  const found = new Map<string, { id: string; name: string; role: string; trusted: boolean; wrote: number; shown: number; last: string }>();
  for (const { comment, trusted } of comments) {
    const { author } = comment;
    if (!author) continue;
    const one = found.get(author.id) ?? { id: comment.id, name: author.name, role: author.role ?? (author.verified ? "signed in" : "guest"), trusted, wrote: 0, shown: 0, last: comment.created };
    one.wrote += 1;
    if (comment.state === "approved") one.shown += 1;
    found.set(author.id, one);
  }
  const rows = [...found].map(([author, one]) => {
    const theirs = h("button", { type: "button", onclick: () => look({ author }) }, "Comments");
    const block = h("button", { type: "button", "data-tone": "bad" }, "Block for a day");
    block.addEventListener("click", async () => {
      if (await around.order({ act: "block", id: one.id, seconds: 86_400 }, `${one.name || "This guest"} is blocked for a day. U undoes it.`)) block.replaceWith("blocked");
    });
    return [one.name || "Guest", one.trusted ? `${one.role}, trusted` : one.role, `${one.shown} of ${one.wrote} shown`, when(one.last), theirs, block];
  });
  return rows.length ? table(["Name", "Who", "Lately", "Last", "", ""], rows, "Who wrote lately") : h("p", {}, "Nobody yet.");
}

/** Whose comments do not wait, and making them wait again. */
function trusted(around: Surroundings): Promise<HTMLElement> {
  return paged(around, "Trusted people", ["Name", "Who", "Since", ""], "Nobody.", async (after) => {
    const { trusted: found, next } = await api.trusted(after);
    const rows = found.map(({ whom, name, since }) => {
      const end = h("button", { type: "button" }, "Trust no more");
      end.addEventListener("click", async () => {
        if (await around.order({ act: "untrust", whom }, `What ${name || "this guest"} writes waits again. U undoes it.`)) end.closest("tr")?.remove();
      });
      return [name || "Guest", whom.slice("member:".length), when(since), end];
    });
    return { rows, next };
  });
}

/** Who wrote lately; who is trusted or blocked, and taking that back. */
export async function people(around: Surroundings, look: Look): Promise<HTMLElement> {
  const [lately, believed, { blocks }] = await Promise.all([writers(around, look), trusted(around), api.blocks()]);
  const rows = blocks.map((block) => {
    const lift = h("button", { type: "button" }, "Lift");
    lift.addEventListener("click", async () => {
      if (await around.order({ act: "unblock", whom: block.whom }, `${block.name || "They"} may write again. U undoes it.`)) lift.closest("tr")?.remove();
    });
    const kind = block.whom.startsWith("address:") ? "address" : block.whom.slice("member:".length);
    return [block.name || "Guest", kind, when(block.since), block.until ? when(block.until) : "until lifted", lift];
  });
  return h("section", {}, h("h2", {}, "People"), lately, h("h2", {}, "Trusted"), believed, h("h2", {}, "Blocked"), rows.length ? table(["Name", "Who", "Since", "Until", ""], rows, "Blocked people") : h("p", {}, "Nobody."));
}

/** The rules; what the configuration decides is shown and cannot be changed. */
export async function rules(around: Surroundings): Promise<HTMLElement> {
  const { rules: set, locked } = await api.rules();
  const isLocked = (name: string): boolean => locked.includes(name);
  const hold = h("select", { disabled: isLocked("hold") }, ...[["nothing", "nobody's"], ["first", "of whoever has no approved comment yet"], ["all", "everybody's"]].map(([value, label]) => h("option", { value: value!, selected: set.hold === value }, label!)));
  const links = h("input", { type: "number", min: 0, max: 100, value: set.links ?? 2, disabled: isLocked("links") });
  const words = h("textarea", { rows: 6, disabled: isLocked("words"), spellcheck: "false" }, set.words.join("\n"));
  const slow = h("input", { type: "number", min: 0, max: 3600, value: set.slow_seconds, disabled: isLocked("slow_seconds") });
  const form = h(
    "form",
    { onsubmit: async (event: Event) => {
      event.preventDefault();
      const changed: Rules = {
        hold: hold.value as Rules["hold"],
        links: Number(links.value),
        words: words.value.split("\n").map((word) => word.trim()).filter(Boolean),
        slow_seconds: Number(slow.value),
      };
      await around.order({ act: "rules", rules: changed }, "Saved. U undoes it.");
    } },
    field("Comments that wait for a moderator", hold),
    field("Links that a comment may have", links),
    field("Words that make a comment wait, one a line; a * at the end stands for any ending", words),
    field("Seconds between two lines of one person in a chat", slow),
    locked.length ? h("p", { class: "quiet" }, `Set in the server's configuration, and not changed here: ${locked.join(", ")}.`) : null,
    h("p", {}, h("button", { type: "submit", disabled: locked.length === 4 }, "Save")),
  );
  return h("section", {}, h("h2", {}, "Rules"), form);
}

/** What is read now, and closing a thread. */
export async function channels(around: Surroundings): Promise<HTMLElement> {
  const { channels: read } = await api.channels();
  const rows = read.map((channel) => {
    const close = channel.channel.startsWith("page:") ? closing(around, channel) : "";
    return [pageOf(channel.url, channel.title, channel.channel), `${channel.viewers} reading`, `${channel.comments} comments`, close];
  });
  return h("section", {}, h("h2", {}, "Read now"), rows.length ? table(["Channel", "Viewers", "Comments", ""], rows, "Channels that are read now") : h("p", {}, "Nothing is read now."));
}

/** What was done, newest first; what can be taken back has a button. */
export async function log(around: Surroundings, undo: (record: number) => Promise<boolean>): Promise<HTMLElement> {
  const body = await paged(around, "What was done", ["When", "Who", "What", "Whom", ""], "Nothing yet.", async (before) => {
    const { records } = await api.records(before === undefined ? undefined : Number(before));
    const rows = records.map((record) => {
      const button = h("button", { type: "button" }, "Undo");
      button.addEventListener("click", async () => {
        if (await undo(record.id)) button.replaceWith("undone");
      });
      return [when(record.time), record.by, record.act, record.target, record.undone ? "undone" : record.undoable ? button : ""];
    });
    return { rows, next: records.length === 100 ? String(records.at(-1)!.id) : null };
  });
  return h("section", {}, h("h2", {}, "What was done"), body);
}
