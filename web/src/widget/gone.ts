/**
 * What somebody deleted while the reader reads it, loaded for it: its text is gone at once, its place when the reader does
 * something next. What others answered keeps its tombstone.
 */
import type { ChannelEvent } from "../client/event";
import type { Article } from "./article";
import type { ThreadView } from "./comments";

/** What a reader does. Scrolling by script is none of it. */
const DEEDS = ["click", "keydown", "wheel", "touchend"];

export function leave(view: ThreadView, article: Article, event: ChannelEvent): void {
  const acted = new AbortController();
  const done = (): void => {
    acted.abort();
    article.keepHeight(false);
    view.thread.apply(event);
    view.changed();
  };
  for (const deed of DEEDS) document.addEventListener(deed, done, { signal: AbortSignal.any([acted.signal, view.signal]), passive: true });
}
