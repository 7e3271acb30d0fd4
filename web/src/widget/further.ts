/** Reading on, loaded when it is asked for: what waited, the next page of the list, the rest of a branch that was cut. */
import type { Comment } from "../client/event";
import type { ThreadView } from "./comments";

/** One press shows so many. */
const SHOWN_MAX = 20;

/** Shows what waits, as roots ("") or under a comment, and leads to the first of it. */
export async function showNew(view: ThreadView, under: string): Promise<void> {
  const { arrivals, thread, articles, feed } = view;
  // Not all of it was kept: the thread is read again.
  if (arrivals.overflowed && !under) {
    await view.open();
    return goTo(feed.querySelector("article"));
  }
  const isUnder = ({ parent, root }: Comment): boolean => (parent ? (thread.byId.has(parent) ? parent : root) : "") === under;
  const some = [...arrivals.held].map((id) => thread.byId.get(id)!).filter((comment) => comment && isUnder(comment)).slice(0, SHOWN_MAX);
  for (const { id } of some) arrivals.free(id);
  const first = under || thread.sort === "oldest" ? some[0] : some.at(-1);
  view.render();
  goTo(articles.get(first?.id ?? "")?.element);
}

/** Gives it the focus, and scrolls where it cannot be seen. */
function goTo(article: HTMLElement | null | undefined): void {
  if (!article) return;
  article.focus({ preventScroll: true });
  const { top, bottom } = article.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) article.scrollIntoView({ block: "center", behavior: "instant" });
}

/** The next page, or (`parent`) the rest of a branch; the focus goes to the first that came. */
export async function loadMore(view: ThreadView, parent?: string): Promise<void> {
  const { thread, articles } = view;
  const before = parent ? thread.more.get(parent) : thread.next;
  if (!before || view.isLoading) return;
  const known = new Set(articles.keys());
  view.isLoading = true;
  try {
    const page = await view.ask({ channel: view.channel! }, { before, parent });
    thread.extend(page, parent);
    view.notify("");
    view.render();
    const first = page.comments.find(({ id }) => articles.has(id) && !known.has(id));
    if (first) articles.get(first.id)!.element.focus({ preventScroll: true });
  } finally {
    view.isLoading = false;
  }
}
