/** The views beside the queue: search, who is blocked, rules, what is read now, what was done. Each builds its element when it is opened. */
import { h } from "../widget/h";
import { api } from "./api";
import type { Rules } from "./api";
import { graph } from "./graph";
import { CommentList } from "./list";
import type { Surroundings } from "./list";

const HOURS = 48;

const when = (time: string): string => new Date(time).toLocaleString();

function table(headings: string[], rows: (string | Node)[][], caption: string): HTMLElement {
  const cells = (row: (string | Node)[]): HTMLElement => h("tr", {}, ...row.map((cell) => h("td", {}, cell)));
  const head = h("tr", {}, ...headings.map((heading) => (heading ? h("th", { scope: "col" }, heading) : h("td"))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows.map(cells))));
}

function field(label: string, input: HTMLElement): HTMLElement {
  return h("label", {}, label, input);
}

/** The graph of what came and what was held. */
export async function figures(): Promise<Element> {
  const { hours } = await api.hours(HOURS);
  return graph(hours, HOURS, Date.now());
}

/** Search by words, state and author; the list is worked on like the queue. */
export function search(around: Surroundings): HTMLElement {
  const words = h("input", { type: "search", name: "words", autocomplete: "off" });
  const state = h("select", { name: "state" }, ...["", "approved", "pending", "spam", "shadow", "deleted"].map((value) => h("option", { value }, value || "any")));
  const author = h("input", { name: "author", autocomplete: "off" });
  const channel = h("input", { name: "channel", autocomplete: "off" });
  const results = h("div");
  const form = h(
    "form",
    { class: "row", role: "search", onsubmit: (event: Event) => {
      event.preventDefault();
      const list = new CommentList({ words: words.value, state: state.value, author: author.value, channel: channel.value }, around);
      results.replaceChildren(list.element);
      void list.start();
    } },
    field("Words", words),
    field("State", state),
    field("Member's id", author),
    field("Channel", channel),
    h("button", { type: "submit" }, "Search"),
  );
  return h("section", {}, h("h2", {}, "Search"), form, results);
}

/** Who is blocked, and lifting it. */
export async function people(around: Surroundings): Promise<HTMLElement> {
  const { blocks } = await api.blocks();
  const rows = blocks.map((block) => {
    const lift = h("button", { type: "button" }, "Lift");
    lift.addEventListener("click", async () => {
      if (await around.order({ act: "unblock", whom: block.whom }, `${block.name || "They"} may write again. U undoes it.`)) lift.closest("tr")?.remove();
    });
    const kind = block.whom.startsWith("address:") ? "address" : block.whom.slice("member:".length);
    return [block.name || "Guest", kind, when(block.since), block.until ? when(block.until) : "until lifted", lift];
  });
  return h("section", {}, h("h2", {}, "Blocked"), rows.length ? table(["Name", "Who", "Since", "Until", ""], rows, "Blocked people") : h("p", {}, "Nobody."));
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
    const isPage = channel.channel.startsWith("page:");
    const name = /^https?:/.test(channel.url) ? h("a", { href: channel.url, rel: "noreferrer nofollow", target: "_blank" }, channel.title || channel.url) : channel.channel;
    const close = h("button", { type: "button" }, channel.closed ? "Open" : "Close");
    close.addEventListener("click", async () => {
      channel.closed = !channel.closed;
      try {
        await api.close(channel.channel, channel.closed);
        close.textContent = channel.closed ? "Open" : "Close";
      } catch (error) {
        channel.closed = !channel.closed;
        around.say(error instanceof Error ? error.message : String(error));
      }
    });
    return [name, String(channel.viewers), String(channel.comments), isPage ? close : ""];
  });
  return h("section", {}, h("h2", {}, "Read now"), rows.length ? table(["Channel", "Viewers", "Comments", ""], rows, "Channels that are read now") : h("p", {}, "Nothing is read now."));
}

/** What was done, newest first; what can be taken back has a button. */
export async function log(around: Surroundings, undo: (record: number) => Promise<boolean>): Promise<HTMLElement> {
  const body = h("div");
  const load = async (before?: number): Promise<void> => {
    const { records } = await api.records(before);
    const rows = records.map((record) => {
      const button = h("button", { type: "button" }, "Undo");
      button.addEventListener("click", async () => {
        if (await undo(record.id)) button.replaceWith("undone");
      });
      return [when(record.time), record.by, record.act, record.target, record.undone ? "undone" : record.undoable ? button : ""];
    });
    if (rows.length) body.append(table(["When", "Who", "What", "Whom", ""], rows, "What was done"));
    else if (before === undefined) body.append(h("p", {}, "Nothing yet."));
    const last = records.at(-1)?.id;
    if (records.length === 100 && last !== undefined) {
      const more = h("button", { type: "button" }, "Earlier");
      more.addEventListener("click", () => {
        more.remove();
        load(last).catch((error: Error) => around.say(error.message));
      });
      body.append(more);
    }
  };
  await load();
  return h("section", {}, h("h2", {}, "What was done"), body);
}
