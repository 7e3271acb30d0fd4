/**
 * The one script of an embedding page, a classic one with a fixed name: puts a thread after itself
 * where the page has no Parlour element, and loads the part of each element that a reader comes near, now or
 * later. Tiny, because every reader waits for it; all else is in the parts.
 *
 * `data-*` on the script become attributes of the thread; `data-manual` makes it put none.
 */

/** Element name → file, given by the build. */
declare const PARTS: Record<string, string>;

(() => {
  const script = (document.currentScript ?? document.querySelector('script[src*="/embed.js"]')) as HTMLScriptElement | null;
  if (!script) return;
  const base = new URL(".", script.src);
  const missing = new Set(Object.keys(PARTS));
  let failures = 0;

  const load = (name: string): void => {
    if (!missing.delete(name)) return;
    const part = new URL(`embed/${PARTS[name]}`, base).href;
    import(part).catch(() => {
      // The next change of the page tries again, a few times.
      failures++ < 5 && missing.add(name);
      // A server that does not know the page's origin gives it no part: so it is said here, in the one language that is known.
      fetch(part).then(({ status }) => {
        if (status === 403) document.querySelector(name)!.textContent ||= `--origins ${origin}`;
      }, () => {});
    });
  };

  /** What a reader comes near is loaded. */
  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      load(target.localName);
    }
  }, { rootMargin: "1000px" });
  /** What may have the comment that the address leads to is loaded, however far it is. */
  const look = (): void => missing.forEach((name) => document.querySelectorAll(name).forEach((element) => (/^#parlour-/.test(location.hash) ? load(name) : near.observe(element))));

  const insert = (): void => {
    const wanted = !("manual" in script.dataset) && document.body?.contains(script);
    if (wanted && !document.querySelector(Object.keys(PARTS).join())) {
      const thread = document.createElement("parlour-comments");
      for (const { name, value } of script.attributes) {
        if (name.startsWith("data-")) thread.setAttribute(name.slice(5), value);
      }
      script.after(thread);
    }
    look();
  };

  look();
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  addEventListener("hashchange", look);
  // Whether the page has an element of its own is known when all of it is there.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", insert);
  else insert();
})();
