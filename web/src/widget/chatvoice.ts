/**
 * How a chat is read out: its log is a polite live region, until the reader says otherwise, or more is written than can be followed;
 * then a quiet region says now and then how much came.
 */
import { announcer } from "./announcer";
import { button, set } from "./h";
import type { Words } from "./words";

/** More than so many within so long is a flood: one in two seconds is what can be followed. */
const FLOOD_MESSAGES = 5;
const FLOOD_MS = 10_000;

export class ChatVoice {
  readonly toggle: HTMLButtonElement;
  readonly region: HTMLElement;
  readonly #log: HTMLElement;
  readonly #announce: () => void;
  #isOn = true;
  /** When the last messages came. */
  #times_ms: number[] = [];
  #calm: ReturnType<typeof setTimeout> | undefined;

  constructor(log: HTMLElement, words: Words, signal: AbortSignal) {
    this.#log = log;
    [this.region, this.#announce] = announcer((n) => words.count("chat.new", n), signal);
    this.toggle = button("button.aloud", "", () => this.#switch(), { "aria-label": words.say("chat.aloud"), title: words.say("chat.aloud"), "aria-pressed": "true" });
    signal.addEventListener("abort", () => clearTimeout(this.#calm));
    this.#speak(false);
  }

  /** One message came. */
  came(now_ms = performance.now()): void {
    this.#times_ms = [...this.#times_ms.filter((at_ms) => at_ms > now_ms - FLOOD_MS), now_ms].slice(-FLOOD_MESSAGES - 1);
    if (this.#times_ms.length <= FLOOD_MESSAGES) return;
    if (this.#isOn) this.#announce();
    this.#speak(true);
    clearTimeout(this.#calm);
    this.#calm = setTimeout(() => this.#speak(false), FLOOD_MS);
  }

  #switch(): void {
    this.#isOn = !this.#isOn;
    set(this.toggle, "aria-pressed", String(this.#isOn));
    this.#speak(false);
  }

  #speak(isFlood: boolean): void {
    set(this.#log, "aria-live", this.#isOn && !isFlood ? "polite" : "off");
  }
}
