/** `<parlour-viewers>`: how many read this page, or are in this channel, now. A number and a word. */
import { placeOf } from "./address";
import { define, ParlourElement } from "./element";
import { h, place, say } from "./h";
import { sheets } from "./style";
import { surroundingsOf } from "./surroundings";
import { followTheme } from "./theme";
import type { Words } from "./words";
import "./comments";
import base from "./base.css";

/** Fewer are not worth a line: the reader would be told about themselves. */
const SHOWN_MIN = 2;

class ParlourViewers extends ParlourElement {
  protected override start(words: Words, signal: AbortSignal): void {
    void this.#watch(words, signal);
  }

  async #watch(words: Words, signal: AbortSignal): Promise<void> {
    const where = placeOf(this);
    const channel = "channel" in where ? where.channel : (await import("../client/page")).pageChannel(where.url, where.id);
    if (signal.aborted) return;
    const line = h("span.viewers", { hidden: true });
    const box = h("span.box", { lang: words.lang, dir: words.dir }, line);
    this.root.adoptedStyleSheets = sheets(base);
    place(this.root, [box]);
    followTheme(this, box, signal);
    const around = surroundingsOf(this);
    const leave = around.connection.subscribe(channel, null, ["viewers"], {
      event: ({ name, data }) => {
        if (name !== "viewers") return;
        const { count } = data as { count: number };
        line.hidden = count < SHOWN_MIN;
        say(line, words.count("viewers", count));
        this.tell("presence", { channel, viewers: count });
        if (this.hasAttribute("faces")) import("./faces").then(({ showFaces }) => showFaces(line, count, words, around, channel, signal), () => {});
      },
    });
    signal.addEventListener("abort", leave);
  }
}

define("parlour-viewers", ParlourViewers);
