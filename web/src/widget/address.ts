/**
 * Where an element stands: which server, which page. Follows the page of a single-page application.
 * Kept small, because the counts alone load it.
 */
import type { Place } from "../client/api";

/** The server that this script came from: parts lie in `embed/` below its base address. */
export const OWN_SERVER = new URL("..", import.meta.url).href;

/** The base address of the element's server, ending in `/`. */
export function serverOf(element: Element): string {
  const named = element.getAttribute("server");
  if (!named) return OWN_SERVER;
  try {
    return new URL(named.endsWith("/") ? named : `${named}/`, document.baseURI).href;
  } catch {
    return OWN_SERVER;
  }
}

/** The address of the page: its canonical one, where that is of the same origin, else the location. */
export function pageUrl(): string {
  const canonical = document.querySelector<HTMLLinkElement>('link[rel~="canonical" i][href]')?.href;
  if (canonical && URL.canParse(canonical) && new URL(canonical).origin === location.origin) return canonical;
  return location.href.replace(/#.*/, "");
}

/** What the element is about: the channel it names, else its page. */
export function placeOf(element: Element): Place {
  const channel = element.getAttribute("channel");
  return channel ? { channel } : { url: pageUrl(), id: element.getAttribute("page-id") };
}

/** Calls `moved` when the page changes its address without being loaded anew. */
export function onNavigation(moved: () => void, signal: AbortSignal): void {
  const { navigation } = globalThis as { navigation?: EventTarget };
  navigation?.addEventListener("currententrychange", moved, { signal });
  addEventListener("popstate", moved, { signal });
}

/** The comment that the address leads to. */
export const permalink = (): string | undefined => /^#parlour-([a-z][a-z0-9]{0,39})$/.exec(location.hash)?.[1];
