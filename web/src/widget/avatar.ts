/** A picture for those who have none: the first letter of the name on a colour drawn from the id. */
import { h } from "./h";

/** Degrees on the colour wheel, the same for the same id everywhere. */
export function hueOf(id: string): number {
  let hue = 0;
  for (const character of id) hue = (hue * 31 + character.codePointAt(0)!) % 360;
  return hue;
}

/** `path` is on the server's own origin; a missing one is drawn. */
export function avatar(id: string, name: string, path: string | null, server: string): HTMLElement {
  if (path) {
    const src = new URL(path, server).href;
    return h("img.avatar", { src, alt: "", width: 36, height: 36, loading: "lazy" });
  }
  const letter = Array.from(name.trim())[0]?.toLocaleUpperCase() ?? "?";
  const drawn = h("span.avatar", { "aria-hidden": "true" }, letter);
  drawn.style.setProperty("--hue", String(hueOf(id)));
  return drawn;
}
