/**
 * Light or dark. `theme` says so, or `auto` looks at the page: where its text is light, its ground
 * is dark, however it came to be (a media query, a class, an attribute). What the style sheets need
 * is one attribute, `data-scheme`, on the element's outermost box.
 */

/** Relative lightness of a CSS colour as browsers compute it, 0 to 1; null for unknown notations. */
function lightness(colour: string): number | null {
  const parts = /^rgba?\(\s*([\d.]+)[,\s]+([\d.]+)[,\s]+([\d.]+)/.exec(colour);
  return parts && (0.299 * Number(parts[1]) + 0.587 * Number(parts[2]) + 0.114 * Number(parts[3])) / 255;
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function schemeOf(host: HTMLElement): "light" | "dark" {
  const theme = host.getAttribute("theme");
  if (theme === "light" || theme === "dark") return theme;
  const text = lightness(getComputedStyle(host).color);
  if (text === null) return prefersDark.matches ? "dark" : "light";
  return text > 0.5 ? "dark" : "light";
}

/** Keeps `box` in the scheme of `host` until `signal` says stop. */
export function followTheme(host: HTMLElement, box: HTMLElement, signal: AbortSignal): void {
  const update = (): void => {
    box.dataset["scheme"] = schemeOf(host);
  };
  const observer = new MutationObserver(() => requestAnimationFrame(update));
  const looks = { attributes: true, attributeFilter: ["class", "style", "theme", "data-theme", "data-mode", "data-color-mode"] };
  for (const element of [host, document.documentElement, document.body]) observer.observe(element, looks);
  signal.addEventListener("abort", () => observer.disconnect());
  prefersDark.addEventListener("change", () => requestAnimationFrame(update), { signal });
  // A style sheet that arrives late, or a colour that fades in.
  addEventListener("load", update, { signal });
  document.documentElement.addEventListener("transitionend", update, { signal });
  update();
}
