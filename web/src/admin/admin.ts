/**
 * The admin page: the live queue and the views beside it. Letters work wherever no field is being written in: the list's own (`list.ts`),
 * U takes the last act back, N reads the queue anew, / goes to the search, 1–7 change the view.
 */
import { h, say } from "../widget/h";
import { Refused, api, keepToken, listen, takeToken } from "./api";
import type { Done, News, Order } from "./api";
import { CommentList } from "./list";
import type { Surroundings } from "./list";
import { channels, figures, log, people, rules, search, threads } from "./views";
import type { Look } from "./views";

const main = document.getElementById("main")!;
const status = document.getElementById("status")!;
const nav = document.getElementById("views")!;

/** What can be taken back with a key, the latest last. */
const done: number[] = [];
const DONE_MAX = 50;
let queue: CommentList | null = null;
let shown = 0;

const around: Surroundings = {
  say: (text) => say(status, text),
  order: (order: Order, text) => run(async () => {
    const came = await api.order(order);
    done.push(came.record);
    if (done.length > DONE_MAX) done.shift();
    return came;
  }, text),
};

async function run(act: () => Promise<Done>, text: string | ((done: Done) => string)): Promise<Done | null> {
  try {
    const came = await act();
    around.say(typeof text === "string" ? text : text(came));
    return came;
  } catch (error) {
    around.say(error instanceof Error ? error.message : String(error));
    return null;
  }
}

async function undo(record: number): Promise<boolean> {
  const came = await run(() => api.undo(record), ({ undone }) => (undone ? `Taken back: ${undone.act} ${undone.target}` : "Taken back."));
  if (came && shown === 0) void open(0);
  return came !== null;
}

async function showQueue(): Promise<HTMLElement> {
  queue = new CommentList({ state: "pending" }, around);
  const graph = h("div");
  figures().then((picture) => graph.append(picture), () => undefined);
  const help = h("p", { class: "quiet" });
  for (const [key, what] of [["J", "next"], ["K", "previous"], ["A", "approve"], ["T", "approve and trust"], ["R", "reject"], ["S", "spam"], ["X", "shadow"], ["B", "block and remove all"], ["U", "undo"], ["N", "newest"]]) {
    help.append(h("kbd", {}, key!), ` ${what}  `);
  }
  await queue.start();
  return h("section", {}, h("h2", {}, "Waiting"), help, queue.element, graph);
}

/** The search, for what was chosen in another view. */
const look: Look = (wanted) => {
  show(1);
  queue = null;
  main.replaceChildren(search(around, wanted));
  main.focus();
};

const views: [string, () => Promise<HTMLElement>][] = [
  ["Queue", showQueue],
  ["Search", async () => search(around)],
  ["Threads", () => threads(around, look)],
  ["People", () => people(around, look)],
  ["Rules", () => rules(around)],
  ["Channels", () => channels(around)],
  ["Log", () => log(around, undo)],
];

/** Marks a view as the one that is shown. */
function show(index: number): void {
  shown = index;
  [...nav.children].forEach((button, at) => (at === index ? button.setAttribute("aria-current", "page") : button.removeAttribute("aria-current")));
}

async function open(index: number): Promise<void> {
  show(index);
  queue = null;
  try {
    const view = await views[index]![1]();
    if (shown !== index) return;
    main.replaceChildren(view);
    // Opening the view has set it, which the compiler does not see.
    if (index === 0) (queue as CommentList | null)?.focus();
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) return signIn(error.message);
    around.say(error instanceof Error ? error.message : String(error));
  }
}

function heard(news: News): void {
  if (!queue) return;
  if (news.id && news.event !== "done") queue.arrived(news.id).catch((error: Error) => around.say(error.message));
  for (const id of news.ids ?? []) queue.gone(id);
}

let ending = new AbortController();

function start(): void {
  nav.replaceChildren(...views.map(([name], index) => h("button", { type: "button", onclick: () => void open(index) }, name)), h("button", { type: "button", onclick: () => signIn("") }, "Sign out"));
  ending.abort();
  ending = new AbortController();
  void listen(heard, () => queue?.missed(), ending.signal);
  void open(0);
}

function signIn(why: string): void {
  ending.abort();
  keepToken(null);
  nav.replaceChildren();
  around.say(why);
  const input = h("input", { type: "password", name: "token", autocomplete: "off", required: true });
  const form = h(
    "form",
    { onsubmit: (event: Event) => {
      event.preventDefault();
      keepToken(input.value.trim());
      around.say("");
      start();
    } },
    h("label", {}, "Token of a moderator or admin, or a key", input),
    h("p", { class: "quiet" }, "Make one on the server: ", h("code", {}, "parlour token --user you --role admin")),
    h("button", { type: "submit" }, "Sign in"),
  );
  main.replaceChildren(h("section", {}, h("h2", {}, "Sign in"), form));
  input.focus();
}

document.addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || nav.childElementCount === 0) return;
  if (event.key === "u") {
    const last = done.pop();
    if (last !== undefined) void undo(last);
  } else if (event.key === "n" && queue) {
    void queue.refresh();
  } else if (event.key === "/") {
    void open(1).then(() => main.querySelector<HTMLElement>("input")?.focus());
  } else if (/^[1-7]$/.test(event.key)) {
    void open(Number(event.key) - 1);
  } else if (event.key === "j" && shown === 0 && !main.querySelector("[role=list]")?.contains(document.activeElement)) {
    queue?.focus();
  } else return;
  event.preventDefault();
});

if (takeToken()) start();
else signIn("");
