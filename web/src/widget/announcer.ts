/**
 * The quiet region that tells a screen reader how much is new: numbers only, and seldom. It is
 * empty when the page is shown, because what is there from the start is not read out.
 */
import { h, say } from "./h";

const PAUSE_MS = 20_000;

export class Announcer {
  readonly element = h("p.quiet", { role: "status" });
  readonly #text: (count: number) => string;
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(text: (count: number) => string, signal: AbortSignal) {
    this.#text = text;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** One more; what comes within the pause is told together. */
  add(): void {
    this.#count++;
    if (this.#timer === undefined) this.#speak();
  }

  #speak(): void {
    if (!this.#count) return;
    say(this.element, this.#text(this.#count));
    this.#count = 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      say(this.element, "");
      this.#speak();
    }, PAUSE_MS);
  }
}
