/**
 * What a connection needs from whatever carries it: one attempt at reaching the server, over which
 * channels are subscribed and events arrive. A WebSocket is one, an event stream and a long poll
 * (`cursor.ts`) and a tab that asks a leading tab (`tabs.ts`) are others. A transport knows nothing of retries, of reference
 * counts or of who listens: that is `connection.ts`. It is used once and thrown away.
 */
import type { ChannelEvent } from "./event";
import type { Position } from "./position";

/** What to subscribe to. */
export interface Want {
  channel: string;
  /** Everything since then is asked for; null means from now on. */
  since: Position | null;
  /** Names of signals to hear besides publications. */
  signals: readonly string[];
}

/** The answer to a subscription. */
export interface Subscribed {
  channel: string;
  /** The channel's position at the end of `missed`. */
  position: Position;
  /** False when `since` was given and something after it is missing from `missed`. */
  recovered: boolean;
  /** What was published since, oldest first. */
  missed: ChannelEvent[];
}

/** Why something was refused. */
export interface Refusal {
  code: number;
  message: string;
  /** Worth another try without change. */
  temporary: boolean;
}

/** How a transport ended. */
export interface Closed {
  code: number;
  reason: string;
  /** Do not come back. */
  final: boolean;
  /** Come back with a fresh token. */
  expired: boolean;
  /** When to come back, where the server or the transport said so. */
  retry_ms?: number | null;
}

/** What a transport tells the connection that opened it. After `closed` it says nothing more. */
export interface TransportHost {
  /** The server took us; `token` is a new guest's, where it gave one. */
  opened(token: string | null): void;
  subscribed(answer: Subscribed): void;
  /** A subscription was not granted, or was taken away for good. */
  refused(channel: string, why: Refusal): void;
  /** The reader fell off its channel: subscribe again from the last position. */
  dropped(channel: string): void;
  event(channel: string, event: ChannelEvent): void;
  /** The line is there, what lies behind it is away for a while (true), or back (false). */
  away(isAway: boolean): void;
  /** Another carries the line from now on: everything is to be asked for again, from where it stands. */
  resumed(): void;
  closed(how: Closed): void;
}

export interface Transport {
  /** May be called after `opened` only. Calls take effect in order. */
  subscribe(want: Want): void;
  unsubscribe(channel: string): void;
  /** Leaves properly; `closed` is not called any more. */
  close(): void;
  /** Tries now what it would try later. */
  nudge?(): void;
}

/** A transport of which it is known later what it is, or that becomes another. */
export class Standin implements Transport {
  inner: Transport | undefined;
  isOver = false;
  readonly #ended: (() => void) | undefined;

  constructor(ended?: () => void) {
    this.#ended = ended;
  }

  subscribe(want: Want): void {
    this.inner?.subscribe(want);
  }

  unsubscribe(channel: string): void {
    this.inner?.unsubscribe(channel);
  }

  nudge(): void {
    this.inner?.nudge?.();
  }

  close(): void {
    this.isOver = true;
    this.#ended?.();
    this.inner?.close();
  }
}

/** As good as lost: what carries it could not be had. */
export const LOST: Closed = { code: 0, reason: "", final: false, expired: false };

/** What every transport is opened with. */
export interface TransportOptions {
  /** Base address of the server, ending in `/`. */
  server: string;
  site: string | null;
  token: string | null;
  /** False: not to be counted as a viewer. */
  count: boolean;
  /** To be seen among those present. */
  face?: boolean | undefined;
  /** A channel that will be subscribed to: what a stream or poll is tried with. */
  channel: string;
}

export type OpenTransport = (options: TransportOptions, host: TransportHost) => Transport;
