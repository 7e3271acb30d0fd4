/**
 * What helps with writing, loaded when somebody begins to: buttons for bold, italic, link, quote and
 * code, and the preview. It changes the text by the browser's own editing, so that it can be undone.
 */
import english from "../locales/en.json";
import { button, h, set } from "./h";
import type { Composer } from "./composer";
import { explain } from "./explain";
import { setHtml } from "./trusted";

/** Name, sign, what goes before and behind the selection, key. */
const MARKS: [name: string, sign: string, before: string, behind: string, key?: string][] = [
  ["bold", "B", "**", "**", "b"],
  ["italic", "I", "*", "*", "i"],
  ["link", "↗", "[", "](https://)", "k"],
  ["quote", "❝", "> ", ""],
  ["code", "‹›", "`", "`", "e"],
];

/** Puts marks around what is selected; quoting is by line, and code over several lines is a block. */
function mark({ body, options }: Composer, name: string, before: string, behind: string): void {
  const { selectionStart: from, selectionEnd: to, value } = body;
  let chosen = value.slice(from, to);
  let start = from;
  if (name === "quote") {
    start = value.lastIndexOf("\n", from - 1) + 1;
    chosen = value.slice(start, to).replace(/^/gm, before);
    before = "";
  } else if (name === "code" && chosen.includes("\n")) {
    [before, behind] = ["```\n", "\n```"];
  }
  body.focus();
  body.setSelectionRange(start, to);
  const text = before + chosen + behind;
  // The only way that keeps the browser's undo; where it is gone the text is set without it.
  if (!document.execCommand("insertText", false, text)) body.setRangeText(text);
  const end = start + before.length + chosen.length;
  if (name === "link" && chosen) body.setSelectionRange(end + 2, end + behind.length - 1);
  else body.setSelectionRange(start + before.length, end);
  options.keep?.(body.value);
}

/** Who is signed in, or how to: above the thread, where the author's site does not say who the reader is. */
function offerSignIn({ element, options: { around, words, cancel } }: Composer): void {
  if (cancel || (around.identity.signedIn && !around.identity.holder)) return;
  const line = h("div.account");
  element.lastChild!.before(line);
  import("./signin").then(({ offer }) => offer(line, { element: (element.getRootNode() as ShadowRoot).host as HTMLElement, around, words })).catch(() => {});
}

export function equip(composer: Composer): void {
  offerSignIn(composer);
  const { options, body, tools } = composer;
  const { view, parent } = options;
  if (view && parent) import("./typists").then(({ listen }) => listen(composer, view, parent)).catch(() => {});
  const words = options.words.learn(english);
  const shown = h("div.preview", { hidden: true, dir: "auto", role: "region", "aria-label": words.say("tools.preview") });
  const preview = button("button", words.say("tools.preview"), () => void look(), { "aria-pressed": "false" });
  async function look(): Promise<void> {
    const isOn = shown.hidden;
    set(preview, "aria-pressed", String(isOn));
    shown.hidden = !isOn;
    body.hidden = isOn;
    if (!isOn) return body.focus();
    shown.textContent = "…";
    try {
      const { html } = await options.around.api.act<{ html: string }>("POST", "v1/preview", { body: body.value });
      setHtml(shown, html, body.value);
    } catch (error) {
      shown.textContent = await explain(error, words);
    }
  }
  const marks = MARKS.map(([name, sign, before, behind, key]) => {
    const label = words.say(`tools.${name}`);
    return button("button", sign, () => mark(composer, name, before, behind), { "aria-label": label, title: key ? `${label} (Ctrl+${key.toUpperCase()})` : label, "data-mark": name });
  });
  set(tools, "role", "group");
  set(tools, "aria-label", words.say("tools.label"));
  tools.append(...marks, preview);
  tools.before(shown);
  composer.element.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    const found = MARKS.find(([, , , , key]) => key === event.key.toLowerCase());
    if (!found) return;
    event.preventDefault();
    mark(composer, found[0], found[2], found[3]);
  });
  // What was sent is not looked at any more.
  composer.element.addEventListener("submit", () => shown.hidden || void look());
}
