/**
 * Takes over a thread that the page brought along, as `comments.html?fragment` wrote it: reads the markup of `docs/html.md` back into
 * the page of comments that it was made of. Answers nothing where it is another page's, sorted otherwise, or of one branch alone: an
 * application may have changed the page since.
 */
import type { Author, Comment, CommentPage } from "../client/event";
import { pageChannel } from "../client/page";
import type { ThreadView } from "./comments";

export function pageIn({ element, place, thread, target, around }: ThreadView): CommentPage | null {
  // It does not say what is the reader's own, and may not hold the comment that the address leads to.
  if (target || around.identity.remembered) return null;
  const markup = element.querySelector<HTMLElement>(":scope > .parlour-thread")!;
  const { parlourChannel: channel, parlourPosition: position, parlourTotal: total, parlourSort: sort, parlourNext: next, parlourParent: parent, parlourClosed: closed } = markup.dataset;
  const wanted = "channel" in place ? place.channel : pageChannel(place.url, place.id);
  if (channel !== wanted || sort !== thread.sort || !position || parent) return null;
  const articles = [...markup.querySelectorAll<HTMLElement>("article[data-parlour-id]")];
  return {
    channel,
    page: { url: "", title: "", closed: closed === "true" },
    comments: articles.map((article) => commentIn(article, channel)),
    next: next ?? null,
    more: Object.fromEntries(articles.flatMap((article) => cutIn(article))),
    total: Number(total),
    position,
  };
}

/** The comment of an article. Its source is not there: who needs it asks for it. */
function commentIn(article: HTMLElement, channel: string): Comment {
  const said = (name: string): string | null => article.getAttribute(`data-parlour-${name}`);
  const id = said("id")!;
  const author: Author | null = said("author") === null ? null : {
    id: said("author")!,
    name: said("name") ?? "",
    avatar: said("avatar"),
    role: said("role"),
    verified: said("verified") === "true",
  };
  return {
    id, channel, author,
    offset: said("offset") === null ? null : Number(said("offset")),
    parent: said("parent"),
    root: said("root") ?? id,
    depth: Number(said("depth")),
    body: "",
    format: "",
    html: article.querySelector(":scope > div")?.innerHTML ?? "",
    created: said("created") ?? "",
    edited: said("edited"),
    state: said("state") === "deleted" ? "deleted" : "approved",
    pinned: said("pinned") === "true",
    reactions: JSON.parse(said("reactions") ?? "{}") as Record<string, number>,
    replies: Number(said("replies")),
  };
}

/** Where the branch under an article goes on, if it was cut. */
function cutIn(article: HTMLElement): [id: string, cursor: string][] {
  const link = article.querySelector<HTMLAnchorElement>(":scope > p > a[rel=nofollow][href*='before=']");
  const cursor = link && new URL(link.href).searchParams.get("before");
  return cursor ? [[article.dataset["parlourId"]!, cursor]] : [];
}
