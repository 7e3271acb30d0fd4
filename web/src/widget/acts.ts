/**
 * What a reader does to a comment, loaded when it is done: react, edit and delete one's own, hide a
 * person for oneself, copy a link or a text.
 */
import english from "../locales/en.json";
import { react } from "../client/member";
import type { Article, Deed } from "./article";
import type { ThreadView } from "./comments";
import { storageOf } from "./storage";

/** How long a first press of "Delete" waits for the second. */
const SURE_MS = 5000;

export function act(view: ThreadView, article: Article, deed: Deed, detail: string, target: HTMLElement | null): void {
  view.words.learn(english);
  const { words } = view;
  if (deed === "edit") void view.write((writing) => writing.edit(article, words.say("form.edit.label"), words.say("form.edit.send")));
  else if (deed === "react") void reacted(view, article, detail);
  else if (deed === "unhide") show(view, article);
  else if (deed === "delete") remove(view, article, target!);
  else if (deed === "copy") void copy(article.comment.body, target!);
  else menu(view, article, target!);
}

/** Asks once more in place: dialogs are not to be had everywhere. */
function remove(view: ThreadView, article: Article, button: HTMLElement): void {
  const { words, around, thread, signal } = view;
  const { id } = article.comment;
  if (!button.classList.contains("danger")) {
    button.textContent = words.say("comment.delete.sure");
    button.classList.add("danger");
    setTimeout(() => {
      button.textContent = words.say("comment.do.delete");
      button.classList.remove("danger");
    }, SURE_MS);
    return;
  }
  around.api.act("DELETE", `v1/comments/${id}`, undefined, signal).then(
    () => {
      thread.remove(id);
      view.changed();
    },
    (error: unknown) => signal.aborted || void view.complain(article, error),
  );
}

async function copy(text: string, button: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent += " ✓";
  } catch {
    // A page on plain http has no clipboard: the text is there to be selected.
    getSelection()?.selectAllChildren(button.closest("article")?.querySelector(".body") ?? button);
  }
}

function menu(view: ThreadView, article: Article, opener: HTMLElement): void {
  const open = article.element.querySelector(":scope > .content .menu");
  const close = (): void => {
    article.element.querySelector(":scope > .content .menu")?.remove();
    opener.setAttribute("aria-expanded", "false");
  };
  if (open) return close();
  const { words } = view;
  const item = (key: string, does: (button: HTMLElement) => void): HTMLElement => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("part", "button");
    button.textContent = words.say(key);
    button.addEventListener("click", () => does(button));
    return button;
  };
  const box = document.createElement("div");
  box.className = "menu";
  box.setAttribute("part", "menu");
  const { author, id } = article.comment;
  box.append(
    item("menu.link", (button) => void copy(`${location.href.replace(/#.*/, "")}#parlour-${id}`, button)),
    item("menu.quote", () => {
      close();
      void view.write((writing) => writing.reply(article, quoteOf(article.comment.body)));
    }),
    item("menu.hide", () => {
      close();
      view.hidden.add(author!.id);
      keepHidden(view);
      article.element.focus({ preventScroll: true });
    }),
  );
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
    opener.focus();
  });
  opener.closest(".actions")!.append(box);
  opener.setAttribute("aria-expanded", "true");
  box.querySelector("button")!.focus();
}

/** `text` as a quotation in Markdown, with room behind it. */
const quoteOf = (text: string): string => `${text.trim().replace(/^/gm, "> ")}\n\n`;

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
    const comment = thread.comments.get(id);
    if (!comment) return;
    const { mine = { reactions: [], editable_until: null, deletable: false }, reactions } = comment;
    const others = mine.reactions.filter((other) => other !== name);
    const count = Math.max(0, (reactions[name] ?? 0) + (isOn ? 1 : -1));
    thread.comments.set(id, { ...comment, reactions: { ...reactions, [name]: count }, mine: { ...mine, reactions: isOn ? [...others, name] : others } });
    view.changed();
  };
  const isOn = !article.comment.mine?.reactions.includes(name);
  draw(isOn);
  try {
    await react(view.around.api, id, name, isOn);
  } catch (error) {
    draw(!isOn);
    if (!view.signal.aborted) void view.complain(article, error);
  }
}
