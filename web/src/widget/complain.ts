/** Says under a comment what did not work. */
import type { Article } from "./article";
import type { ThreadView } from "./comments";
import { explain } from "./explain";
import { h } from "./h";

export async function complain(view: ThreadView, article: Article, error: unknown): Promise<void> {
  if (!view.signal.aborted) article.showForm(h("p.error", { role: "alert" }, await explain(error, view.words)));
}
