/** Following a link to a comment, loaded where the address is one: reads what stands around it, shows it, and offers the whole thread. */
import english from "../locales/en.json";
import { permalink } from "./address";
import type { ThreadView } from "./comments";
import { button, set } from "./h";

export function follow(view: ThreadView): void {
  const id = permalink();
  const article = view.articles.get(id ?? "");
  if (id && !article && view.target !== id) {
    view.target = id;
    return void view.open().then(() => follow(view));
  }
  offerWhole(view);
  if (!article) return;
  for (const other of view.feed.querySelectorAll("[data-target]")) set(other, "data-target", null);
  set(article.element, "data-target", true);
  article.element.scrollIntoView({ block: "center", behavior: "instant" });
  article.element.focus({ preventScroll: true });
}

/** What is shown is a part of the thread: a button above it leads to all of it. */
function offerWhole(view: ThreadView): void {
  if (!view.target || view.box.querySelector(".whole")) return;
  const whole = button("button.whole", view.words.learn(english).say("thread.whole"), () => {
    view.target = undefined;
    whole.remove();
    void view.open();
  });
  view.feed.before(whole);
}
