/**
 * What a reader seldom does to a comment, loaded when it is done: edit and delete one's own, hide a
 * person for oneself, copy a link or a text.
 */
import type { Article, Deed } from "./article";
import type { ThreadView } from "./comments";

/** How long a first press of "Delete" waits for the second. */
const SURE_MS = 5000;

export function act(view: ThreadView, article: Article, deed: Deed, target: HTMLElement | null): void {
  if (deed === "edit") edit(view, article);
  else if (deed === "delete") remove(view, article, target!);
  else if (deed === "copy") void copy(article.comment.body, target!);
  else menu(view, article, target!);
}

function edit(view: ThreadView, article: Article): void {
  const { words, thread, around, signal } = view;
  view.writing.show(article, "edit", (done) =>
    view.newComposer({
      words,
      label: words.say("form.edit.label"),
      send: words.say("form.edit.send"),
      asksWho: false,
      body: article.comment.body,
      cancel: done,
      preview: (text) => view.preview(text),
      submit: async ({ body }) => {
        try {
          thread.edited(await around.api.act("PATCH", `v1/comments/${article.comment.id}`, { body }, signal));
        } catch (error) {
          throw new Error(view.describe(error));
        }
        view.changed();
        done();
      },
    }),
  );
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
    (error: unknown) => signal.aborted || view.complain(article, error),
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
      view.writing.reply(article, quoteOf(article.comment.body));
    }),
    item("menu.hide", () => {
      close();
      view.hidden.hide(author!.id);
      view.changed();
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
