/**
 * Moderating in the thread, loaded for those whose token says that they may: buttons and keys to
 * approve, to approve and trust whoever wrote it, to mark as spam, to take away, to block and to pin, and to close the thread. Nothing is done for
 * eight seconds, in which it can be undone. What is held comes as it is held, and how much waits is said.
 */
import english from "../locales/en.json";
import type { Comment } from "../client/event";
import { button, h, say } from "./h";
import type { Article } from "./article";
import type { ThreadView } from "./comments";
import { complain } from "./complain";

const UNDO_MS = 8000;

type Deed = "approve" | "trust" | "spam" | "reject" | "block" | "pin";
const KEYS: Record<string, Deed> = { a: "approve", t: "trust", s: "spam", x: "reject", b: "block" };
/** What moderators are told. */
const NEWS = "$parlour:moderation";
/** How long news are gathered before it is asked how much waits. */
const GATHER_MS = 500;

/** What a deed asks of the server. */
const CHANGES: Record<Exclude<Deed, "pin" | "block" | "trust">, object | null> = { approve: { state: "approved" }, spam: { state: "spam" }, reject: null };

export function moderate(view: ThreadView): void {
  const words = view.words.learn(english);
  const { context, around, thread, signal } = view;
  const line = h("p.undo", { hidden: true, role: "status" });
  let pending: { timer: ReturnType<typeof setTimeout>; commit: () => Promise<void> } | undefined;

  /** Does now what waits. */
  const settle = (): void => {
    if (!pending) return;
    clearTimeout(pending.timer);
    const { commit } = pending;
    pending = undefined;
    line.hidden = true;
    void commit();
  };

  const later = (text: string, article: Article, change: () => Promise<unknown>): void => {
    settle();
    const id = article.comment.id;
    const commit = (): Promise<void> => change().then(() => view.changed(), (error: unknown) => {
      const still = view.articles.get(id);
      if (still) void complain(view, still, error);
    });
    const undo = button("button", words.say("moderate.undo"), () => {
      clearTimeout(pending?.timer);
      pending = undefined;
      line.hidden = true;
      article.element.removeAttribute("data-doomed");
      article.element.focus({ preventScroll: true });
    });
    say(line, text);
    line.append(" ", undo);
    line.hidden = false;
    article.element.toggleAttribute("data-doomed", true);
    pending = { timer: setTimeout(settle, UNDO_MS), commit };
  };

  const path = ({ comment }: Article): string => `v1/comments/${comment.id}`;

  const act = (deed: Deed, article: Article): void => {
    const { comment } = article;
    if (deed === "pin") {
      around.api.act<typeof comment>("PATCH", path(article), { pinned: !comment.pinned }, signal).then(
        () => {
          thread.byId.set(comment.id, { ...comment, pinned: !comment.pinned });
          view.changed();
        },
        (error: unknown) => complain(view, article, error),
      );
      return;
    }
    later(words.say(`moderate.${deed}.done`), article, async () => {
      if (deed === "block") {
        await around.api.act("POST", "v1/moderation/orders", { act: "block", id: comment.id });
        return article.element.removeAttribute("data-doomed");
      }
      if (deed === "trust") {
        await around.api.act("POST", "v1/moderation/orders", { act: deed, ids: [comment.id] });
      } else {
        const change = CHANGES[deed];
        await around.api.act(change ? "PATCH" : "DELETE", path(article), change ?? undefined);
      }
      article.element.removeAttribute("data-doomed");
      const known = thread.byId.get(comment.id);
      if (deed === "reject") thread.remove(comment.id);
      else if (known) thread.byId.set(comment.id, { ...known, state: deed === "spam" ? "spam" : "approved" });
    });
  };

  context.extra = (article) => {
    const { state, pinned } = article.comment;
    const deeds: [Deed, string][] = [];
    if (state !== "approved") deeds.push(["approve", "moderate.approve"], ["trust", "moderate.trust"]);
    if (state !== "spam") deeds.push(["spam", "moderate.spam"]);
    deeds.push(["reject", "moderate.reject"]);
    if (article.comment.author && !view.isOwn(article.comment.author)) deeds.push(["block", "moderate.block"]);
    if (state === "approved" && !article.comment.parent) deeds.push(["pin", pinned ? "moderate.unpin" : "moderate.pin"]);
    return deeds.map(([deed, key]) => button("button.moderate", words.say(key), () => act(deed, article), { "data-do": deed }));
  };

  const close = button("button.moderate", "", () => {
    const closed = !thread.closed;
    around.api.act("PATCH", `v1/channels/${encodeURIComponent(view.channel!)}`, { closed }, signal).then(
      () => {
        thread.closed = closed;
        view.changed();
        label();
      },
      () => label(),
    );
  });
  const label = (): void => say(close, words.say(thread.closed ? "moderate.open" : "moderate.close"));
  label();
  view.element.addEventListener("parlour:count", label, { signal });
  const waits = h("a.hint", { href: new URL("admin", around.server).href, hidden: true });
  followNews(view, waits);
  view.bar.append(waits, close);
  view.bar.after(line);
  view.box.addEventListener("keydown", (event) => {
    const target = event.composedPath()[0] as HTMLElement;
    const article = target.closest("article")?.dataset["id"];
    const deed = KEYS[event.key];
    if (!deed || !article || event.ctrlKey || event.altKey || event.metaKey || target.matches("input, textarea")) return;
    event.preventDefault();
    const found = view.articles.get(article);
    if (found) act(deed, found);
  });
  // Whoever leaves has made up their mind.
  signal.addEventListener("abort", settle);
  addEventListener("pagehide", settle, { signal });
  view.changed();
}

/** What is held while the thread is open waits behind the pill like all that is new; `waits` says how much waits on the whole site. */
function followNews(view: ThreadView, waits: HTMLElement): void {
  const { around, arrivals, thread, signal, words } = view;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const count = (): void => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      // Without the number the rest is as good. Its name is in quotes, so that the build leaves it as the server has it.
      const told = await around.api.act<Record<string, number>>("GET", "v1/moderation/comments?state=pending&limit=1", undefined, signal).catch(() => null);
      const waiting = told?.["waiting"] ?? 0;
      waits.hidden = waiting === 0;
      say(waits, words.count("moderate.waiting", waiting));
    }, GATHER_MS);
  };
  const show = ({ comment }: { comment: Comment }): void => {
    if (thread.put(comment) === "added") arrivals.add(comment);
    view.changed();
  };
  const take = (id: string): Promise<void> => around.api.act<{ comment: Comment }>("GET", `v1/comments/${id}`, undefined, signal).then(show);
  /** What was held between the reading of the thread and the news of it. */
  const catchUp = (): void => {
    count();
    const held = `v1/moderation/comments?state=pending&limit=50&channel=${encodeURIComponent(view.channel!)}`;
    around.api.act<{ comments: { comment: Comment }[] }>("GET", held, undefined, signal).then(
      ({ comments }) => comments.forEach(show),
      // They stand in the queue all the same.
      () => {},
    );
  };
  const leave = around.connection.subscribe(NEWS, null, [], {
    granted: catchUp,
    event: ({ data }) => {
      const news = data as { event?: string; id?: string; channel?: string };
      count();
      // What is gone again by then is of no interest.
      if (news.event === "held" && news.id && news.channel === view.channel) take(news.id).catch(() => {});
    },
  });
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    leave();
  });
}
