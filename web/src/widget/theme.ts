/**
 * Light or dark. `theme` says so, or `auto` looks at the page: where its text is light, its ground
 * is dark, however it came to be (a media query, a class, an attribute). What the style sheets need
 * is one attribute, `data-scheme`, on the element's outermost box.
 */

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function schemeOf(host: HTMLElement): string {
  const theme = host.getAttribute("theme");
  if (theme === "light" || theme === "dark") return theme;
  const colour = getComputedStyle(host).color;
  const [red, green, blue] = colour.match(/[\d.]+/g)!.map(Number) as [number, number, number];
  // Other notations than `rgb()` are left to what the reader prefers.
  const isDark = colour[0] === "r" ? 0.299 * red + 0.587 * green + 0.114 * blue > 127 : prefersDark.matches;
  return isDark ? "dark" : "light";
}

/** Keeps `box` in the scheme of `host` until `signal` says stop. */
export function followTheme(host: HTMLElement, box: HTMLElement, signal: AbortSignal): void {
  const update = (): void => {
    box.dataset["scheme"] = schemeOf(host);
  };
  const observer = new MutationObserver(() => requestAnimationFrame(update));
  for (const element of [host, document.documentElement, document.body]) observer.observe(element, { attributes: true });
  signal.addEventListener("abort", () => observer.disconnect());
  prefersDark.addEventListener("change", () => requestAnimationFrame(update), { signal });
  // A style sheet that arrives late, or a colour that fades in.
  addEventListener("load", update, { signal });
  document.documentElement.addEventListener("transitionend", update, { signal });
  update();
}
