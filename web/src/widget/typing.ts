/** Who is typing in a channel, or an answer to a comment: heard, kept for a few seconds, told in one line; and told of oneself. */
import english from "../locales/en.json";
import { claimsOf } from "../client/claims";
import type { Identity } from "../client/identity";
import type { Words } from "./words";

/** One signal holds this long; one is sent at most this often. */
const HOLD_MS = 6000;
const SEND_MS = 3000;
/** A crowd that types is "and others". */
const NAMES_MAX = 20;

export class Typing {
  readonly #show: (names: string[]) => void;
  readonly #send: () => void;
  readonly #names = new Map<string, ReturnType<typeof setTimeout>>();
  #sentAt_ms = -Infinity;

  constructor(show: (names: string[]) => void, send: () => void, signal: AbortSignal) {
    this.#show = show;
    this.#send = send;
    signal.addEventListener("abort", () => this.#names.forEach((timer) => clearTimeout(timer)));
  }

  /** The reader types. */
  typed(now_ms = performance.now()): void {
    if (now_ms - this.#sentAt_ms < SEND_MS) return;
    this.#sentAt_ms = now_ms;
    this.#send();
  }

  /** The reader's message is out: the next key is told at once. */
  sent(): void {
    this.#sentAt_ms = -Infinity;
  }

  /** Somebody types; `own` is what the reader is called, who hears themselves too. */
  heard(name: string, own: string, now_ms = performance.now()): void {
    if (name === own && now_ms - this.#sentAt_ms < SEND_MS) return;
    clearTimeout(this.#names.get(name));
    if (!this.#names.has(name) && this.#names.size >= NAMES_MAX) return;
    this.#names.set(name, setTimeout(() => this.stopped(name), HOLD_MS));
    this.#show([...this.#names.keys()]);
  }

  /** Somebody's message arrived. */
  stopped(name: string): void {
    if (!this.#names.has(name)) return;
    clearTimeout(this.#names.get(name));
    this.#names.delete(name);
    this.#show([...this.#names.keys()]);
  }
}

/** What others are told that the reader is called: the server takes it from the token of somebody signed in. */
export async function toldName(identity: Identity): Promise<string> {
  return identity.signedIn ? String(claimsOf((await identity.token()) ?? "")["name"] ?? "") : identity.name;
}

/** The line about those who type; empty for nobody. */
export function typingLine(words: Words, [first, ...others]: readonly string[]): string {
  words.learn(english);
  if (first === undefined) return "";
  const name = first || words.say("typing.someone");
  return others.length ? words.count("typing.others", others.length, { name }) : words.say("typing.single", { name });
}
