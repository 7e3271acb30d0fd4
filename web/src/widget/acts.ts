/**
 * What a reader does to a comment, loaded when it is done: react, edit and delete one's own, hide a
 * person for oneself, copy a link or a text, settle what could not be sent.
 */
import english from "../locales/en.json";
import type { Comment } from "../client/event";
import { react } from "../client/member";
import type { Article, Deed } from "./article";
import type { ThreadView } from "./comments";
import { complain } from "./complain";
import { button, h, set } from "./h";
import { storageOf } from "./storage";

/** How long a first press of "Delete" waits for the second. */
const SURE_MS = 5000;

export function act(view: ThreadView, article: Article, deed: Deed, detail: string, target: HTMLElement | null): void {
  view.words.learn(english);
  if (deed === "edit") void edit(view, article).catch((error: unknown) => complain(view, article, error));
  else if (deed === "react") void reacted(view, article, detail);
  else if (deed === "unhide") show(view, article);
  else if (deed === "delete") remove(view, article, target!);
  else if (deed === "copy") void copy(article.comment.body, target!);
  else if (deed === "menu") menu(view, article, target!);
  else settle(view, article.comment, deed);
}

/** Sends again, gives up, or takes back into a form what was not sent. */
function settle(view: ThreadView, comment: Comment, deed: Deed): void {
  const { unsent, queue } = view.writing.unsent(comment.id);
  if (!unsent || !queue) return;
  if (deed === "retry") return queue.retry(unsent);
  queue.drop(unsent);
  view.changed();
  if (deed === "again") again(view, comment);
}

/** Takes a text back into a form: of an answer, or the one above the thread. */
function again(view: ThreadView, { parent, body }: Comment): void {
  const above = parent && view.articles.get(parent);
  if (above) void answer(view, ({ reply }) => reply(view, above, body));
  else view.writing.main?.insert(body);
}

/** What opens forms is a part of its own. */
const answer = (view: ThreadView, act: (it: typeof import("./answer")) => void): Promise<void> =>
  import("./answer").then(act).catch((error: unknown) => view.fail(error));

/** The source of a comment; of one that the page brought along it is asked for. */
async function sourceOf({ around, signal }: ThreadView, { body, id }: Comment): Promise<string> {
  return body || (await around.api.act<{ comment: Comment }>("GET", `v1/comments/${id}`, undefined, signal)).comment.body;
}

async function edit(view: ThreadView, article: Article): Promise<void> {
  const { words, writing, around, signal, thread } = view;
  const { id } = article.comment;
  const body = await sourceOf(view, article.comment);
  const { keepDraft, readDraft } = await writing.load();
  const draft = `edit ${around.server} ${id}`;
  await answer(view, ({ show }) => show(view, article, "edit", (cancel) =>
    writing.compose({
      label: words.say("form.edit.label"),
      send: words.say("form.edit.send"),
      asksWho: () => false,
      body: readDraft(draft) || body,
      keep: (text) => keepDraft(draft, text),
      cancel: () => {
        keepDraft(draft, "");
        cancel();
      },
      submit: async (written) => {
        const { comment } = await around.api.act<{ comment: Comment }>("PATCH", `v1/comments/${id}`, { body: written.body }, signal);
        // The event about it is newer than all that was heard, and comes as well.
        thread.byId.set(id, { ...article.comment, ...comment });
        view.changed();
        cancel();
      },
    }),
  ));
}

/** Asks once more in place: dialogs are not to be had everywhere. */
function remove(view: ThreadView, article: Article, asked: HTMLElement): void {
  const { words, around, thread, signal } = view;
  const { id } = article.comment;
  if (!asked.classList.contains("danger")) {
    asked.textContent = words.say("comment.delete.sure");
    asked.classList.add("danger");
    setTimeout(() => {
      asked.textContent = words.say("comment.do.delete");
      asked.classList.remove("danger");
    }, SURE_MS);
    return;
  }
  around.api.act("DELETE", `v1/comments/${id}`, undefined, signal).then(
    () => {
      thread.remove(id);
      view.changed();
    },
    (error: unknown) => complain(view, article, error),
  );
}

async function copy(text: string, asked: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    asked.textContent += " ✓";
  } catch {
    // A page on plain http has no clipboard: the text is there to be selected.
    getSelection()?.selectAllChildren(asked.closest("article")?.querySelector(".body") ?? asked);
  }
}

function menu(view: ThreadView, article: Article, opener: HTMLElement): void {
  const { words } = view;
  const close = (): void => {
    box.remove();
    set(opener, "aria-expanded", "false");
  };
  const open = article.content.querySelector(".menu");
  if (open) {
    open.remove();
    return set(opener, "aria-expanded", "false");
  }
  const { author, id } = article.comment;
  const item = (key: string, does: (event: Event) => void): HTMLElement => button("button", words.say(key), does);
  const box = h(
    "div.menu",
    {
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
        opener.focus();
      },
    },
    item("menu.link", ({ target }) => void copy(`${location.href.replace(/#.*/, "")}#parlour-${id}`, target as HTMLElement)),
    item("menu.quote", () => {
      close();
      sourceOf(view, article.comment).then(
        (body) => answer(view, ({ reply }) => reply(view, article, `${body.trim().replace(/^/gm, "> ")}\n\n`)),
        (error: unknown) => complain(view, article, error),
      );
    }),
    item("menu.hide", () => {
      close();
      view.hidden.add(author!.id);
      keepHidden(view);
      article.element.focus({ preventScroll: true });
    }),
  );
  opener.closest(".actions")!.append(box);
  set(opener, "aria-expanded", "true");
  box.querySelector("button")!.focus();
}

const HIDDEN_KEY = "parlour:hidden";
const HIDDEN_MAX = 500;

/** Kept in this browser alone. */
function keepHidden(view: ThreadView): void {
  try {
    storageOf("localStorage")?.setItem(HIDDEN_KEY, JSON.stringify([...view.hidden].slice(-HIDDEN_MAX)));
  } catch {
    // Full or blocked: it holds as long as the page is open.
  }
  view.changed();
}

/** Whose comment is opened is not hidden any more. */
function show(view: ThreadView, { comment, element }: Article): void {
  view.hidden.delete(comment.author!.id);
  keepHidden(view);
  element.focus({ preventScroll: true });
}

/** At once on the page; the server's count comes by itself. */
async function reacted(view: ThreadView, article: Article, name: string): Promise<void> {
  const { id } = article.comment;
  const { thread } = view;
  const draw = (isOn: boolean): void => {
    const comment = thread.byId.get(id);
    if (!comment) return;
    const { mine = { reactions: [], editable_until: null, deletable: false }, reactions } = comment;
    const others = mine.reactions.filter((other) => other !== name);
    const count = Math.max(0, (reactions[name] ?? 0) + (isOn ? 1 : -1));
    thread.byId.set(id, { ...comment, reactions: { ...reactions, [name]: count }, mine: { ...mine, reactions: isOn ? [...others, name] : others } });
    view.changed();
  };
  const isOn = !article.comment.mine?.reactions.includes(name);
  draw(isOn);
  try {
    await react(view.around.api, id, name, isOn);
  } catch (error) {
    draw(!isOn);
    void complain(view, article, error);
  }
}
