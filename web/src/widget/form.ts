/** The bare form for writing: a field and a button. `composer.ts` makes it whole, where it stands, when somebody uses it. */
import { h } from "./h";

export function bareForm(label: string, send: string): HTMLFormElement {
  const id = `f${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  return h(
    "form.composer",
    { id, novalidate: true },
    h("div.field", {}, h("label", { for: `${id}-body` }, label), h("textarea", { id: `${id}-body`, part: "textarea", rows: 3, dir: "auto" })),
    h("div.buttons", {}, h("button.primary", { type: "submit" }, send)),
  );
}
