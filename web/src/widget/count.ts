/**
 * `<parlour-count>`: how many comments a page or channel has, as a bare number. All of a page ask
 * together, in few requests that need no preflight; a thread on the same page keeps its own current.
 * It is loaded alone on pages that list other pages (`url`), so it uses next to nothing.
 */
import { placeOf, serverOf } from "./address";
import { define, ParlourElement } from "./element";

/** As many as the server answers in one GET. */
const ASKED_MAX = 50;
/** Long enough for a page's elements to be found together. */
const GATHER_MS = 20;

interface Asking {
  /** Name and value of the parameter, as the server is asked. */
  parameter: [name: "channel" | "url", value: string];
  show: (comments: number) => void;
}

/** What waits to be asked, by server and site. */
const waiting = new Map<string, Asking[]>();

async function ask(address: string): Promise<void> {
  const asking = waiting.get(address) ?? [];
  waiting.delete(address);
  for (let from = 0; from < asking.length; from += ASKED_MAX) {
    const some = asking.slice(from, from + ASKED_MAX);
    const url = new URL(address);
    for (const { parameter } of some) url.searchParams.append(...parameter);
    try {
      const answer = await fetch(url, { credentials: "omit" });
      const { counts } = (await answer.json()) as { counts: Record<string, { comments: number }> };
      for (const { parameter, show } of some) show(counts[parameter[1]]?.comments ?? 0);
    } catch {
      // A number that cannot be had is left out: the page says the same without it.
    }
  }
}

/** The parameter that names what `element` counts. */
async function parameterOf(element: Element): Promise<Asking["parameter"]> {
  const url = element.getAttribute("url");
  if (url) return ["url", new URL(url, document.baseURI).href];
  const place = placeOf(element);
  if ("channel" in place) return ["channel", place.channel];
  if (!place.id) return ["url", place.url];
  return ["channel", (await import("../client/page")).pageChannel(place.url, place.id)];
}

class ParlourCount extends ParlourElement {
  protected override start(signal: AbortSignal): void {
    void this.#ask(signal);
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const show = (comments: number): void => {
      if (!signal.aborted) this.root.textContent = new Intl.NumberFormat(this.language).format(comments);
    };
    const server = serverOf(this);
    const parameter = await parameterOf(this);
    const follow = ({ detail }: Event & { detail?: { server: string; channel: string; place: { url?: string }; comments: number } }): void => {
      if (detail?.server === server && (detail.channel === parameter[1] || detail.place.url === parameter[1])) show(detail.comments);
    };
    document.addEventListener("parlour:count", follow, { signal });
    const address = new URL("v1/counts", server);
    const site = this.getAttribute("site");
    if (site) address.searchParams.set("site", site);
    const asking = waiting.get(address.href) ?? [];
    if (!asking.length) setTimeout(() => void ask(address.href), GATHER_MS);
    waiting.set(address.href, [...asking, { parameter, show }]);
  }
}

define("parlour-count", ParlourCount);
