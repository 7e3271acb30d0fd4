/**
 * One channel as the elements of a page share it: who listens, from which position each of them
 * needs to hear, and what has to be asked of the server for that. Pure: it is told what arrived and
 * says what to ask for; `connection.ts` does the asking.
 */
import type { ChannelEvent } from "./event";
import type { Position } from "./position";
import type { Refusal, Subscribed, Want } from "./transport";

/** Who listens to a channel. */
export interface Listener {
  event(event: ChannelEvent): void;
  /** All up to this position is known now; further events follow. */
  granted?(position: Position): void;
  /** Something is missing for good: read again, and listen from there. */
  reset?(): void;
  /** Not granted, or taken away, and no further try will be made. */
  refused?(why: Refusal): void;
}

interface Entry {
  listener: Listener;
  /** The last publication this listener knows; null until the first answer for "from now on". */
  position: Position | null;
  signals: readonly string[];
}

export class SharedChannel {
  readonly name: string;
  /** Tries in a row that were put off, for the wait before the next. */
  attempts = 0;
  /** Refused for good; only a new listener tries again. */
  refusal: Refusal | null = null;
  readonly #entries = new Set<Entry>();
  /** The latest signal of each kind, for listeners that come later. */
  readonly #signals = new Map<string, ChannelEvent>();
  #asked: Want | null = null;
  #position: Position | null = null;

  constructor(name: string) {
    this.name = name;
  }

  get empty(): boolean {
    return this.#entries.size === 0;
  }

  /** Whether the server was asked for it over the present transport. */
  get asked(): boolean {
    return this.#asked !== null;
  }

  /** Adds a listener that knows all up to `since`; the function removes it. */
  add(listener: Listener, since: Position | null, signals: readonly string[]): () => void {
    // A copy: the wire's own position moves before its listeners hear why.
    const position = since ?? this.#position;
    const entry: Entry = { listener, position: position && { ...position }, signals };
    this.#entries.add(entry);
    this.refusal = null;
    queueMicrotask(() => {
      if (!since && entry.position && this.#entries.has(entry)) listener.granted?.({ ...entry.position });
      for (const name of signals) {
        const latest = this.#signals.get(name);
        if (latest && this.#entries.has(entry)) listener.event(latest);
      }
    });
    return () => void this.#entries.delete(entry);
  }

  /** What to ask for now, or null when what was asked for serves everyone. */
  wanted(): Want | null {
    if (this.empty || this.refusal) return null;
    const entries = [...this.#entries];
    const signals = [...new Set(entries.flatMap((entry) => entry.signals))].sort();
    const asked = this.#asked;
    if (asked && signals.every((name) => asked.signals.includes(name)) && !entries.some((entry) => this.#isBehind(entry))) {
      return null;
    }
    return { channel: this.name, since: this.#earliest(), signals };
  }

  /** The want was sent. */
  sent(want: Want): void {
    this.#asked = want;
    this.#position = null;
  }

  /** Nothing is asked for any more: the transport went, or took the subscription back. */
  lost(): void {
    this.#asked = null;
    this.#position = null;
  }

  /** The server's answer: what was missed goes to those who need it, or all are told of the gap. */
  granted(answer: Subscribed): void {
    this.attempts = 0;
    this.#position = { ...answer.position };
    const gapped: Entry[] = [];
    for (const entry of [...this.#entries]) {
      const { position } = entry;
      if (position !== null) {
        if (answer.recovered) answer.missed.forEach((event) => this.#deliver(entry, event));
        else gapped.push(entry);
      }
      // Somebody else asked from further back: what this one has heard already is not heard again.
      const ahead = answer.recovered && position?.epoch === answer.position.epoch && position.offset > answer.position.offset;
      if (!ahead) entry.position = { ...answer.position };
      entry.listener.granted?.({ ...entry.position! });
    }
    gapped.forEach((entry) => entry.listener.reset?.());
  }

  arrived(event: ChannelEvent): void {
    if (event.offset === null) this.#signals.set(event.name, event);
    else if (this.#position) this.#position.offset = Math.max(this.#position.offset, event.offset);
    for (const entry of [...this.#entries]) this.#deliver(entry, event);
  }

  /** The position cannot be served at all. */
  gap(): void {
    this.lost();
    for (const entry of [...this.#entries]) {
      entry.position = null;
      entry.listener.reset?.();
    }
  }

  refused(why: Refusal): void {
    this.lost();
    this.refusal = why;
    for (const entry of [...this.#entries]) entry.listener.refused?.(why);
  }

  #deliver(entry: Entry, event: ChannelEvent): void {
    if (!this.#entries.has(entry)) return;
    if (event.offset === null) {
      if (entry.signals.includes(event.name)) entry.listener.event(event);
      return;
    }
    if (entry.position && event.offset <= entry.position.offset) return;
    if (entry.position) entry.position.offset = event.offset;
    entry.listener.event(event);
  }

  /** Whether a listener needs what lies before the point where the wire stands. */
  #isBehind({ position }: Entry): boolean {
    const wire = this.#position ?? this.#asked?.since;
    if (!position || !wire) return false;
    return position.epoch !== wire.epoch || position.offset < wire.offset;
  }

  #earliest(): Position | null {
    let earliest: Position | null = null;
    for (const { position } of this.#entries) {
      if (position && (!earliest || position.offset < earliest.offset)) earliest = position;
    }
    return earliest && { ...earliest };
  }
}
