/**
 * The keys of a thread, loaded with the first one pressed inside it: `j` and `k` go from comment to
 * comment, `n` and `p` between new ones, `r` answers, `u` votes, `o` folds, `?` says so. They work only
 * while the focus is inside the thread and not in a field, and never with Ctrl, Alt or Meta.
 */
import english from "../locales/en.json";
import type { ThreadView } from "./comments";

const KEYS: [key: string, deed: string][] = [["j", "next"], ["k", "previous"], ["n", "new"], ["p", "old"], ["r", "reply"], ["u", "reactup"], ["o", "fold"], ["?", "help"]];

/** All comments that can be seen, in the order of the page. */
const articlesOf = (view: ThreadView): HTMLElement[] => [...view.feed.querySelectorAll<HTMLElement>("article")].filter((article) => article.offsetParent !== null || article.getClientRects().length > 0);

/** Puts the focus on `article`, which becomes the one that Tab comes back to. */
export function focusArticle(view: ThreadView, article: HTMLElement): void {
  for (const other of view.feed.querySelectorAll('article[tabindex="0"]')) other.setAttribute("tabindex", "-1");
  article.tabIndex = 0;
  article.focus({ preventScroll: true });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const content = article.querySelector(".content") ?? article;
  const { top, bottom } = content.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) content.scrollIntoView({ block: "center", behavior: still ? "instant" : "smooth" });
}

function move(view: ThreadView, from: HTMLElement | null, step: 1 | -1, isWanted: (article: HTMLElement) => boolean): void {
  const all = articlesOf(view);
  const at = from ? all.indexOf(from) : step > 0 ? -1 : all.length;
  for (let index = at + step; all[index]; index += step) {
    if (isWanted(all[index]!)) return focusArticle(view, all[index]!);
  }
}

function help(view: ThreadView): void {
  const { box } = view;
  const words = view.words.learn(english);
  const open = box.querySelector<HTMLDialogElement>("dialog");
  if (open) return open.showModal();
  const dialog = document.createElement("dialog");
  dialog.setAttribute("part", "help");
  dialog.setAttribute("aria-label", words.say("keys.label"));
  const list = document.createElement("dl");
  for (const [key, deed] of KEYS) {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    text.textContent = words.say(`keys.${deed}`);
    list.append(term, text);
  }
  const close = document.createElement("button");
  close.textContent = words.say("keys.close");
  close.setAttribute("part", "button");
  close.addEventListener("click", () => dialog.close());
  dialog.append(list, close);
  box.append(dialog);
  dialog.showModal();
}

export function pressed(view: ThreadView, event: KeyboardEvent, target: HTMLElement): void {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (target.matches("input, textarea, select") || target.closest("dialog")) return;
  const deed = KEYS.find(([key]) => key === event.key)?.[1];
  if (!deed) return;
  event.preventDefault();
  // Where the focus is by now: several keys may have waited for this part.
  const { activeElement } = view.box.getRootNode() as ShadowRoot;
  const article = (activeElement ?? target).closest<HTMLElement>("article");
  const isNew = ({ dataset }: HTMLElement): boolean => dataset["unread"] !== undefined;
  if (deed === "next" || deed === "previous") move(view, article, deed === "next" ? 1 : -1, () => true);
  else if (deed === "new" || deed === "old") move(view, article, deed === "new" ? 1 : -1, isNew);
  else if (deed === "help") help(view);
  else article?.querySelector<HTMLElement>(`:scope > .content [data-do="${deed}"]`)?.click();
}
