/**
 * The one script of an embedding page, a classic one with a fixed name: puts a thread after itself
 * where the page has no Parlour element, and loads the part of each element that is there, now or
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

  const load = (): void => {
    for (const name of missing) {
      if (!document.querySelector(name)) continue;
      missing.delete(name);
      const part = new URL(`embed/${PARTS[name]}`, base).href;
      import(part).catch(() => {
        // The next change of the page tries again, a few times.
        failures++ < 5 && missing.add(name);
        // A server that does not know the page's origin gives it no part: so it is said here, in the one language that is known.
        fetch(part).then(({ status }) => {
          if (status === 403) document.querySelector(name)!.textContent ||= `--origins ${origin}`;
        }, () => {});
      });
    }
  };

  const insert = (): void => {
    const wanted = !("manual" in script.dataset) && document.body?.contains(script);
    if (wanted && !document.querySelector(Object.keys(PARTS).join())) {
      const thread = document.createElement("parlour-comments");
      for (const { name, value } of script.attributes) {
        if (name.startsWith("data-")) thread.setAttribute(name.slice(5), value);
      }
      script.after(thread);
    }
    load();
  };

  load();
  new MutationObserver(load).observe(document, { childList: true, subtree: true });
  // Whether the page has an element of its own is known when all of it is there.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", insert);
  else insert();
})();
