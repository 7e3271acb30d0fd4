/** Opening a form inside the thread, loaded when it is asked for: an answer, with what is selected as a quotation, or an edit. */
import english from "../locales/en.json";
import type { Article } from "./article";
import type { ThreadView } from "./comments";
import type { Composer } from "./composer";

/** Opens the form for an answer; `text` goes in, or what is selected in the comment. */
export function reply(view: ThreadView, article: Article, text = quoted(article)): void {
  const { writing } = view;
  const words = view.words.learn(english);
  const { id, author } = article.comment;
  const name = author?.name || words.say("comment.guest");
  show(view, article, "reply", (cancel) => {
    const composer = writing.draft(id, words.say("form.reply.label", { name }), words.say("form.reply.send"), cancel);
    if (text) composer.insert(text);
    return composer;
  });
}

/** One form at a time; pressing the same button again closes it. */
export function show({ writing }: ThreadView, article: Article, deed: string, make: (done: () => void) => Composer): void {
  const again = writing.shownAt?.article === article;
  writing.shownAt?.close();
  if (again) return;
  const close = (): void => {
    if (writing.shownAt?.article === article) writing.shownAt = null;
    article.showForm(null);
    article.focusButton(deed);
  };
  const composer = make(close);
  article.showForm(composer.element);
  writing.shownAt = { article, close };
  composer.focus();
}

/** What is selected in this comment, as a quotation. */
function quoted(article: Article): string {
  const selection = (article.content.getRootNode() as ShadowRoot & Pick<Document, "getSelection">).getSelection?.() ?? getSelection();
  const text = selection?.toString().trim();
  return text && article.content.contains(selection!.anchorNode) ? `${text.replace(/^/gm, "> ")}\n\n` : "";
}
