/**
 * What is said between the tabs of a browser, loaded when there are two. The leader keeps a seat for
 * each of the others: its subscriptions to the leader's own connection. To another tab's connection
 * the leader is a transport; when the leader changes, every channel is asked for again from its
 * position, so that nothing is missing. Who leads is `share.ts`.
 */
import type { ChannelEvent } from "./event";
import type { Tab } from "./share";
import type { OpenTransport, Refusal, Subscribed, Transport, TransportHost, Want } from "./transport";

/** A leader that does not answer within this is taken over from. */
const ANSWER_MS = 800;
/** A leader that has been hidden so long gives way to a tab that is looked at. */
const HIDDEN_MS = 60_000;
/** Tabs say that they are there so often; whoever was silent for five times as long is gone. */
const HERE_MS = 60_000;
/** The code for a position that cannot be served (`unrecoverable-position`). */
const UNRECOVERABLE = 112;

/** From a tab to the leader. */
type Ask = { from: string; ask?: "who" | "here" | "bye" | "nudge"; want?: Want; leave?: string };
/** From the leader to one tab, or (`to` null) to all; `lead` is the leader's id. */
type Tell = {
  to: string | null;
  lead?: string;
  hidden_ms?: number;
  away?: boolean;
  final?: boolean;
  subscribed?: Subscribed;
  channel?: string;
  event?: ChannelEvent;
  refused?: Refusal;
};

/** What the leader does for one other tab. */
class Seat {
  heard_ms = Date.now();
  readonly #leave = new Map<string, () => void>();

  want(tab: Tab, to: string, { channel, since, signals }: Want): void {
    const tell = (message: Omit<Tell, "to">): void => tab.line.postMessage({ to, channel, ...message } satisfies Tell);
    let isGranted = false;
    const granted = (position: Subscribed["position"]): void => {
      if (!isGranted) tell({ subscribed: { channel, position, recovered: true, missed: [] } });
      isGranted = true;
    };
    // What was missed comes as events behind it.
    if (since) granted(since);
    const before = this.#leave.get(channel);
    const leave = tab.connection.subscribe(channel, since, signals, {
      event: (event) => tell({ event }),
      granted,
      reset: () => tell({ refused: { code: UNRECOVERABLE, message: "", temporary: true } }),
      refused: (refused) => tell({ refused }),
    });
    before?.();
    this.#leave.set(channel, leave);
  }

  unwant(channel: string): void {
    this.#leave.get(channel)?.();
    this.#leave.delete(channel);
  }

  close(): void {
    for (const channel of [...this.#leave.keys()]) this.unwant(channel);
  }
}

/** The leader's part; lasts as long as it leads. */
class Lead {
  readonly #tab: Tab;
  readonly #seats = new Map<string, Seat>();
  readonly #unwatch: () => void;
  readonly #beat: ReturnType<typeof setInterval>;
  #hiddenAt_ms = document.hidden ? Date.now() : 0;
  readonly #ears = new AbortController();

  constructor(tab: Tab) {
    this.#tab = tab;
    this.#unwatch = tab.connection.watch((state) => this.#tell({ to: null, ...(state === "refused" ? { final: true } : { away: state === "waiting" }) }));
    this.#beat = setInterval(() => this.#sweep(), HERE_MS);
    document.addEventListener("visibilitychange", () => (this.#hiddenAt_ms = document.hidden ? Date.now() : 0), this.#ears);
    this.#introduce(null);
  }

  #tell(message: Tell): void {
    if (!this.#tab.isGone) this.#tab.line.postMessage(message);
  }

  #introduce(to: string | null): void {
    this.#tell({ to, lead: this.#tab.me, hidden_ms: this.#hiddenAt_ms && Date.now() - this.#hiddenAt_ms });
    if (to) this.#tell({ to, away: this.#tab.connection.state === "waiting" });
  }

  serve({ from, ask, want, leave }: Ask): void {
    let seat = this.#seats.get(from);
    if (ask === "nudge") return this.#tab.connection.nudge();
    if (ask === "who" || (ask === "here" && !seat)) return this.#introduce(from);
    if (ask === "bye") {
      seat?.close();
      this.#seats.delete(from);
      return;
    }
    if (!seat) this.#seats.set(from, (seat = new Seat()));
    seat.heard_ms = Date.now();
    if (want) seat.want(this.#tab, from, want);
    if (leave !== undefined) seat.unwant(leave);
  }

  #sweep(): void {
    for (const [from, seat] of this.#seats) if (Date.now() - seat.heard_ms > 5 * HERE_MS) this.serve({ from, ask: "bye" });
  }

  close(): void {
    clearInterval(this.#beat);
    this.#ears.abort();
    this.#unwatch();
    for (const seat of this.#seats.values()) seat.close();
  }
}

/** What this tab is to the others: it leads, or it follows, and may change from one to the other. */
class Part {
  readonly #tab: Tab;
  #lead: Lead | undefined;
  /** The line of this tab's own connection, while it follows. */
  follower: Follower | undefined;

  constructor(tab: Tab) {
    this.#tab = tab;
    tab.onWon = () => {
      this.follower?.won();
      this.#lead ??= new Lead(tab);
    };
  }

  hear(message: Ask & Tell): void {
    const tab = this.#tab;
    if (!tab.leads) {
      this.#lead?.close();
      this.#lead = undefined;
    }
    if (message.from === undefined) {
      if (message.to === null || message.to === tab.me) this.follower?.hear(message);
    } else if (tab.leads) {
      this.#lead ??= new Lead(tab);
      this.#lead.serve(message);
    }
  }
}

const parts = new WeakMap<Tab, Part>();

function partOf(tab: Tab): Part {
  let part = parts.get(tab);
  if (!part) parts.set(tab, (part = new Part(tab)));
  return part;
}

/** The transport of a tab that does not lead. */
class Follower implements Transport {
  readonly #tab: Tab;
  readonly #host: TransportHost;
  readonly #ears = new AbortController();
  readonly #beat: ReturnType<typeof setInterval>;
  #leader: string | undefined;
  #doubt: ReturnType<typeof setTimeout> | undefined;

  constructor(tab: Tab, host: TransportHost) {
    this.#tab = tab;
    this.#host = host;
    partOf(tab).follower = this;
    this.#beat = setInterval(() => this.#ask({ ask: "here" }), HERE_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.#looked(), this.#ears);
    this.#looked();
  }

  subscribe(want: Want): void {
    this.#ask({ want });
  }

  unsubscribe(leave: string): void {
    this.#ask({ leave });
  }

  nudge(): void {
    this.#ask({ ask: "nudge" });
  }

  close(): void {
    this.#ask({ ask: "bye" });
    this.#ears.abort();
    clearInterval(this.#beat);
    clearTimeout(this.#doubt);
    partOf(this.#tab).follower = undefined;
  }

  hear({ lead, hidden_ms = 0, away, final, subscribed, channel, event, refused }: Tell): void {
    const host = this.#host;
    if (lead) this.#follow(lead, hidden_ms);
    if (away !== undefined) host.away(away);
    if (final) this.#end(true);
    if (subscribed) host.subscribed(subscribed);
    if (event) host.event(channel!, event);
    if (refused) host.refused(channel!, refused);
  }

  /** This tab leads now: its connection comes back by itself, to the server. */
  won(): void {
    this.#end(false);
  }

  #ask(message: Omit<Ask, "from">): void {
    if (!this.#tab.isGone) this.#tab.line.postMessage({ from: this.#tab.me, ...message });
  }

  #follow(leader: string, hidden_ms: number): void {
    clearTimeout(this.#doubt);
    this.#doubt = undefined;
    if (!this.#leader) this.#host.opened(null);
    else if (this.#leader !== leader) this.#host.resumed();
    this.#leader = leader;
    if (hidden_ms > HIDDEN_MS && !document.hidden) this.#tab.steal();
  }

  /** Opened, or looked at again: is there still a leader? */
  #looked(): void {
    this.#ask({ ask: "who" });
    this.#doubt ??= setTimeout(() => this.#tab.steal(), ANSWER_MS);
  }

  #end(final: boolean): void {
    this.close();
    this.#host.closed({ code: 0, reason: "another tab leads", final, expired: false, retry_ms: 0 });
  }
}

/** Hears what the others say. */
export function ears(tab: Tab): (message: unknown) => void {
  const part = partOf(tab);
  return (message) => part.hear(message as Ask & Tell);
}

/** Opens through the leader; a tab that follows stands in line for when that is gone. */
export function following(tab: Tab): OpenTransport {
  tab.queue();
  return (_, host) => new Follower(tab, host);
}
