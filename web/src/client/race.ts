/**
 * Opens what gets through: the WebSocket first; when it fails or stays silent for a moment an event
 * stream beside it, then a long poll. The first to open carries on, the others are closed, and it is
 * tried first the next time; now and then the better ones get their chance again. Remembered for as
 * long as the page is there: reading stores nothing.
 */
import { openWebSocket } from "./websocket";
import type { Closed, OpenTransport, Transport, TransportHost, TransportOptions } from "./transport";

/** How long one may stay silent before the next is started. */
const HURRY_MS = 2500;
/** How long a lesser transport stays the first choice. */
const REMEMBERED_MS = 600_000;
/** A transport that has worked is trusted for so many failures: they are the server's, not the way's. */
const TRUSTED_FAILURES = 3;

type Load = () => Promise<{ openStream: OpenTransport; openPoll: OpenTransport }>;

const loadDefault: Load = () => import("./cursor");

/** What is known of the ways to one server. */
interface Memory {
  best: number;
  since_ms: number;
  /** Tries since the best one last opened; null before it ever did. */
  failures: number | null;
}

/** One race; it is over when one has opened and later closed, or when all have failed. */
class Race implements Transport {
  readonly #options: TransportOptions;
  readonly #host: TransportHost;
  readonly #memory: Memory;
  readonly #load: Load;
  readonly #running = new Map<number, Transport | null>();
  #winner: number | null = null;
  #started = 0;
  #order: number[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(options: TransportOptions, host: TransportHost, memory: Memory, load: Load) {
    this.#options = options;
    this.#host = host;
    this.#memory = memory;
    this.#load = load;
    const { best, failures } = memory;
    const others = [0, 1, 2].filter((index) => index !== best);
    this.#order = failures !== null && failures < TRUSTED_FAILURES ? [best] : [best, ...others];
    if (failures !== null) memory.failures = failures + 1;
    this.#next();
  }

  get #carrier(): Transport | null {
    return (this.#winner !== null && this.#running.get(this.#winner)) || null;
  }

  subscribe(...want: Parameters<Transport["subscribe"]>): void {
    this.#carrier?.subscribe(...want);
  }

  unsubscribe(channel: string): void {
    this.#carrier?.unsubscribe(channel);
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    for (const transport of this.#running.values()) transport?.close();
  }

  #next(): void {
    clearTimeout(this.#timer);
    if (this.#over || this.#winner !== null || this.#started >= this.#order.length) return;
    const index = this.#order[this.#started++]!;
    this.#timer = setTimeout(() => this.#next(), HURRY_MS);
    this.#running.set(index, null);
    if (index === 0) return this.#open(index, openWebSocket);
    this.#load().then(
      ({ openStream, openPoll }) => this.#open(index, index === 1 ? openStream : openPoll),
      () => this.#failed(index, { code: 0, reason: "not loaded", final: false, expired: false }),
    );
  }

  #open(index: number, open: OpenTransport): void {
    if (this.#over || this.#winner !== null) return;
    try {
      this.#running.set(index, open(this.#options, this.#hostOf(index)));
    } catch {
      // The browser forbids this kind of address (a secure page, a plain server).
      this.#failed(index, { code: 0, reason: "forbidden", final: false, expired: false });
    }
  }

  #hostOf(index: number): TransportHost {
    const host = this.#host;
    const isOurs = (): boolean => this.#winner === index;
    return {
      opened: (token) => this.#won(index, token),
      subscribed: (answer) => isOurs() && host.subscribed(answer),
      refused: (channel, why) => isOurs() && host.refused(channel, why),
      dropped: (channel) => isOurs() && host.dropped(channel),
      event: (channel, event) => isOurs() && host.event(channel, event),
      away: (isAway) => isOurs() && host.away(isAway),
      resumed: () => isOurs() && host.resumed(),
      closed: (how) => {
        if (isOurs()) host.closed(how);
        else this.#failed(index, how);
      },
    };
  }

  #won(index: number, token: string | null): void {
    if (this.#over || this.#winner !== null) return;
    this.#winner = index;
    clearTimeout(this.#timer);
    const memory = this.#memory;
    if (memory.best !== index || memory.failures === null) memory.since_ms = Date.now();
    memory.best = index;
    memory.failures = 0;
    for (const [other, transport] of this.#running) if (other !== index) transport?.close();
    this.#host.opened(token);
  }

  /** The server's own word ends the race; a way that is closed lets the next one start. */
  #failed(index: number, how: Closed): void {
    if (this.#over || this.#winner !== null) return;
    this.#running.delete(index);
    const isWord = how.expired || (how.final && how.code >= 100);
    if (!isWord) this.#next();
    if (!isWord && this.#running.size) return;
    this.close();
    this.#host.closed(how);
  }
}

/** Opens transports to one server; what it learns, it keeps. */
export function racing(load: Load = loadDefault): OpenTransport {
  const memory: Memory = { best: 0, since_ms: 0, failures: null };
  return (options, host) => {
    if (memory.best > 0 && Date.now() - memory.since_ms > REMEMBERED_MS) Object.assign(memory, { best: 0, failures: null });
    return new Race(options, host, memory, load);
  };
}

