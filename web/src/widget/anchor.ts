/**
 * Keeps what is being read where it is. Before a change of the page the first visible article is
 * noted, after it the scroll position is corrected by as much as that article moved. The style
 * sheet takes the list out of the browser's own scroll anchoring, so that the two never add up;
 * above the viewport as a whole, the browser's anchoring is left to do it.
 */

/** The nearest ancestor that scrolls, through shadow roots; else the page. */
function scrollerOf(element: Element): Element {
  for (let node: Node | null = element; node; node = node instanceof ShadowRoot ? node.host : node.parentNode) {
    if (!(node instanceof Element) || node === document.documentElement || node === document.body) continue;
    if (/auto|scroll|overlay/.test(getComputedStyle(node).overflowY) && node.scrollHeight > node.clientHeight) return node;
  }
  return document.scrollingElement ?? document.documentElement;
}

function viewOf(scroller: Element): { top: number; bottom: number } {
  if (scroller === document.scrollingElement) return { top: 0, bottom: innerHeight };
  const { top, bottom } = scroller.getBoundingClientRect();
  return { top: Math.max(0, top), bottom: Math.min(innerHeight, bottom) };
}

/**
 * Where the last correction was to bring an article. Browsers round scroll positions to pixels;
 * what was rounded away is made up for by the next correction, so that many do not add up.
 */
let last: { element: Element; top: number; scrollTop: number } | null = null;

/** The first of `readables` (in document order) that reaches into view. */
function firstVisible(readables: Iterable<Element>, view: { top: number; bottom: number }): Element | null {
  for (const element of readables) {
    const { top, bottom, height } = element.getBoundingClientRect();
    if (height > 0 && bottom > view.top && top < view.bottom) return element;
  }
  return null;
}

/** Runs `change`; afterwards the first of `readables` that could be seen stands where it stood. */
export function keepReading(host: Element, readables: Iterable<Element>, change: () => void): void {
  const scroller = scrollerOf(host);
  const first = firstVisible(readables, viewOf(scroller));
  const isSame = last?.element === first && last?.scrollTop === scroller.scrollTop;
  const wanted = isSame ? last!.top : (first?.getBoundingClientRect().top ?? 0);
  change();
  if (!first?.isConnected) return;
  const moved = first.getBoundingClientRect().top - wanted;
  if (Math.abs(moved) >= 0.5) scroller.scrollBy({ top: moved, behavior: "instant" });
  last = { element: first, top: wanted, scrollTop: scroller.scrollTop };
}
