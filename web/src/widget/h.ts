/**
 * Building and keeping DOM, in place of a framework: `h` makes an element, `place` makes a
 * container hold given children in order, moving no child that already stands right (so that
 * focus, selection and scroll position survive).
 */

type Child = Node | string | null | undefined | false;

/** Attributes by name; `on…` are listeners; null, undefined and false leave out, true sets empty. */
export type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => unknown)>;

/** Sets one attribute, or takes it away. */
export function set(element: Element, name: string, value: string | number | boolean | null | undefined): void {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

type Tag = keyof HTMLElementTagNameMap;

/** `h("p.hint")`: what follows the dot is the class, and the name of the part under which pages can style it. */
export function h<K extends Tag>(what: K | `${K}.${string}`, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const [tag, name] = what.split(".") as [K, string?];
  const element = document.createElement(tag);
  if (name) element.className = name;
  const parts = `${name ?? ""}${tag === "button" ? " button" : ""}`;
  if (parts) set(element, "part", parts);
  for (const key in attributes) {
    const value = attributes[key];
    if (typeof value === "function") element.addEventListener(key.slice(2), value as EventListener);
    else set(element, key, value);
  }
  element.append(...children.filter((child): child is Node | string => !!child));
  return element;
}

/** A button that does `act`. */
export const button = (what: "button" | `button.${string}`, text: string, act: (event: Event) => unknown, more: Attributes = {}): HTMLButtonElement =>
  h(what, { type: "button", onclick: act, ...more }, text);

/** Makes `children` the child nodes of `parent`, in this order. */
export function place(parent: Node, children: readonly Node[]): void {
  const wanted = new Set(children);
  for (const node of [...parent.childNodes]) if (!wanted.has(node)) node.remove();
  let cursor = parent.firstChild;
  for (const child of children) {
    if (child === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(child, cursor);
  }
}

/** Sets text only where it differs, so that a live region does not speak and a selection stays. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
