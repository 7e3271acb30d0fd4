/**
 * The one connection of a page to a server, shared by all elements with the same site and identity:
 * keeps a transport open while anyone listens, comes back after a loss with growing, random waits,
 * and resumes every channel at its position. Relies on `transport.ts` for the wire and on
 * `channel.ts` for who needs what; knows no DOM. Whoever has one may `nudge` it when the browser
 * says that the network is back.
 */
import { backoff_ms, backoffDefaults } from "./backoff";
import type { BackoffOptions } from "./backoff";
import { SharedChannel } from "./channel";
import type { Listener } from "./channel";
import type { Position } from "./position";
import { UNRECOVERABLE } from "./protocol";
import type { Closed, OpenTransport, Transport, TransportHost } from "./transport";

/** `waiting`: lost, and to be tried again; `refused`: not to be tried again. */
export type ConnectionState = "idle" | "connecting" | "open" | "waiting" | "refused";

export interface ConnectionOptions {
  server: string;
  site: string | null;
  /** False: not to be counted as a viewer (Do Not Track). */
  count: boolean;
  /** Whether whoever is signed in lets themselves be seen among those present; asked at each connect. */
  face?: () => boolean | undefined;
  open: OpenTransport;
  /** The token to connect with; `fresh` after the last one expired. */
  token: (fresh: boolean) => Promise<string | null>;
  /** A new guest's token, given by the server because there was none or `sent` is not good. */
  onGuestToken?: (token: string, sent: string | null) => void;
  backoff?: BackoffOptions;
  /** How long an unused connection is kept for the next page of a single-page application. */
  idle_ms?: number;
}

/** A connection that lived this long counts as a success: the next loss starts with short waits. */
const STEADY_MS = 10_000;
/** The longest wait that a server may ask for. */
const TOLD_MS_MAX = 120_000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #channels = new Map<string, SharedChannel>();
  readonly #watchers = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = "idle";
  #transport: Transport | null = null;
  #attempts = 0;
  #openedAt = 0;
  #expired = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #flushQueued = false;
  #away = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#away && this.#state === "open" ? "waiting" : this.#state;
  }

  /** Hears every change of state, the present one first; the function ends it. */
  watch(watcher: (state: ConnectionState) => void): () => void {
    this.#watchers.add(watcher);
    watcher(this.state);
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * Listens to `channel` from `since` on (null: from now on) and to the named signals. Events come
   * once and in order, or `reset` says that they cannot. The function ends it.
   */
  subscribe(channel: string, since: Position | null, signals: readonly string[], listener: Listener): () => void {
    let shared = this.#channels.get(channel);
    if (!shared) this.#channels.set(channel, (shared = new SharedChannel(channel)));
    const remove = shared.add(listener, since, signals);
    this.#flushSoon();
    return () => {
      remove();
      this.#flushSoon();
    };
  }

  /** Tries again now: the network is back, or the tab is looked at. */
  nudge(): void {
    this.#transport?.nudge?.();
    if (this.#state !== "waiting") return;
    clearTimeout(this.#retry);
    void this.#connect();
  }

  /** Leaves the present transport and opens another at once, if anyone listens. */
  restart(): void {
    this.close();
    this.#wait(0);
  }

  close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#idle);
    this.#transport?.close();
    this.#lose();
    this.#enter("idle");
  }

  #enter(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher(this.state);
  }

  /** Several changes of one turn (an element moved, a page replaced) are one change on the wire. */
  #flushSoon(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      this.#flush();
    });
  }

  #flush(): void {
    for (const shared of this.#channels.values()) {
      if (!shared.empty) continue;
      if (shared.asked) this.#transport?.unsubscribe(shared.name);
      this.#channels.delete(shared.name);
    }
    clearTimeout(this.#idle);
    if (this.#channels.size === 0) {
      if (this.#state !== "idle") this.#idle = setTimeout(() => this.close(), this.#options.idle_ms ?? 10_000);
      return;
    }
    if (this.#state === "idle") void this.#connect();
    else if (this.#state === "open") this.#channels.forEach((shared) => this.#ask(shared));
  }

  #ask(shared: SharedChannel): void {
    const want = shared.wanted();
    if (!want || this.#state !== "open") return;
    if (shared.asked) this.#transport?.unsubscribe(shared.name);
    shared.sent(want);
    this.#transport?.subscribe(want);
  }

  async #connect(): Promise<void> {
    this.#enter("connecting");
    let token: string | null;
    try {
      token = await this.#options.token(this.#expired);
    } catch {
      // Whoever gives tokens cannot be reached: as good as a lost connection.
      return this.#wait();
    }
    if (this.#state !== "connecting") return;
    this.#expired = false;
    const { server, site, count, face, open } = this.#options;
    const [channel] = this.#channels.keys();
    if (channel === undefined) return this.#enter("idle");
    try {
      this.#transport = open({ server, site, token, count, face: face?.(), channel }, this.#host(token));
    } catch {
      // The browser forbids this address (a secure page, a plain server): it will not change its mind.
      this.#enter("refused");
    }
  }

  /** Hears one transport, and only while it is the present one. */
  #host(sent: string | null): TransportHost {
    const channel = (name: string): SharedChannel | undefined => this.#channels.get(name);
    return {
      opened: (token) => {
        this.#openedAt = Date.now();
        if (token) this.#options.onGuestToken?.(token, sent);
        this.#enter("open");
        this.#flush();
      },
      subscribed: (answer) => {
        channel(answer.channel)?.granted(answer);
        this.#flushSoon();
      },
      event: (name, event) => channel(name)?.arrived(event),
      dropped: (name) => this.#askLater(channel(name)),
      refused: (name, why) => {
        const shared = channel(name);
        if (why.code === UNRECOVERABLE) {
          shared?.gap();
          this.#askLater(shared);
        } else if (why.temporary) this.#askLater(shared);
        else shared?.refused(why);
      },
      away: (isAway) => {
        if (isAway === this.#away) return;
        this.#away = isAway;
        this.#tell();
      },
      resumed: () => {
        for (const shared of this.#channels.values()) shared.lost();
        this.#flush();
      },
      closed: ({ final, expired, retry_ms }: Closed) => {
        this.#expired = expired;
        this.#lose();
        if (final) this.#enter("refused");
        else this.#wait(retry_ms);
      },
    };
  }

  #askLater(shared: SharedChannel | undefined): void {
    if (!shared) return;
    shared.lost();
    setTimeout(() => {
      if (this.#channels.get(shared.name) === shared && !shared.asked) this.#ask(shared);
    }, backoff_ms(shared.attempts++, this.#options.backoff ?? backoffDefaults));
  }

  #lose(): void {
    if (this.#openedAt && Date.now() - this.#openedAt > STEADY_MS) this.#attempts = 0;
    this.#openedAt = 0;
    this.#transport = null;
    this.#away = false;
    for (const shared of this.#channels.values()) shared.lost();
  }

  /** The server's word on when to come back counts, spread a little, for it says the same to many. */
  #wait(told_ms?: number | null): void {
    if (this.#channels.size === 0) return this.#enter("idle");
    this.#enter("waiting");
    const options = this.#options.backoff ?? backoffDefaults;
    const own_ms = backoff_ms(this.#attempts++, options);
    const wait_ms = told_ms == null ? own_ms : Math.min(told_ms * (1 + options.random() / 4), TOLD_MS_MAX);
    this.#retry = setTimeout(() => void this.#connect(), wait_ms);
  }
}
