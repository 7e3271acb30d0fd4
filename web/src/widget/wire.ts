/**
 * How an element stays true to its channel: read, listen from the position of what was read, and
 * when something is missing, read again. Between two readings it waits ever longer, so that a
 * server in trouble is not asked in a circle. Also says when the connection has been away for long.
 */
import { backoff_ms } from "../client/backoff";
import type { Connection } from "../client/connection";
import type { ChannelEvent } from "../client/event";
import type { Position } from "../client/position";

export interface WireHost {
  /** Reads everything; what it answers is where listening begins. */
  read(): Promise<{ channel: string; position: Position | null }>;
  event(event: ChannelEvent): void;
  /** The connection has been away for longer than a reader would not mind; or it is back. */
  lost(isLost: boolean): void;
}

const LOST_MS = 10_000;
/** Readings further apart than this are no circle. */
const CALM_MS = 60_000;

export class Wire {
  readonly #connection: Connection;
  readonly #signals: readonly string[];
  readonly #signal: AbortSignal;
  readonly #host: WireHost;
  #leave: (() => void) | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
  #readings = 0;
  #lastReading_ms = 0;

  constructor(connection: Connection, signals: readonly string[], signal: AbortSignal, host: WireHost) {
    this.#connection = connection;
    this.#signals = signals;
    this.#signal = signal;
    this.#host = host;
    this.#watch();
    signal.addEventListener("abort", () => {
      clearTimeout(this.#again);
      this.#leave?.();
    });
  }

  /** Reads and listens; rejects when reading fails. */
  async open(): Promise<void> {
    const { channel, position } = await this.#host.read();
    if (this.#signal.aborted) return;
    const leave = this.#leave;
    this.#leave = this.#connection.subscribe(channel, position, this.#signals, {
      event: (event) => this.#host.event(event),
      reset: () => this.readAgain(),
    });
    // Only now, so that the channel is never let go of in between.
    leave?.();
  }

  /** Something is missing, or the server says that all is different now. */
  readAgain(): void {
    const now_ms = Date.now();
    if (now_ms - this.#lastReading_ms > CALM_MS) this.#readings = 0;
    this.#lastReading_ms = now_ms;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      this.open().catch(() => this.#signal.aborted || this.readAgain());
    }, backoff_ms(this.#readings++));
  }

  #watch(): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let told = false;
    const unwatch = this.#connection.watch((state) => {
      const away = state === "waiting" || state === "connecting";
      if (away) timer ??= setTimeout(() => this.#host.lost((told = true)), LOST_MS);
      else {
        clearTimeout(timer);
        timer = undefined;
        if (told) this.#host.lost((told = false));
      }
    });
    this.#signal.addEventListener("abort", () => {
      clearTimeout(timer);
      unwatch();
    });
  }
}
