/**
 * One connection for all tabs of a browser that stand on the same origin with the same server, site
 * and identity. The tab that holds a Web Lock leads: its connection is the one, the others ask it.
 * This is what a tab needs that is alone, which most are; the rest, `tabs.ts`, is loaded when there
 * is another. Where there are no Web Locks (plain http), `bully.ts` says who leads.
 */
import type { Connection } from "./connection";
import { newNonce } from "./nonce";
import { LOST, Standin } from "./transport";
import type { OpenTransport, Transport } from "./transport";

/** A page that nobody has looked at for so long lets go of its connection, until somebody does. */
const UNSEEN_MS = 300_000;

/** What the tabs of a group have in common, seen from one of them. */
export class Tab {
  /** How it is told from the others, and from what it was before. */
  readonly me = newNonce();
  readonly name: string;
  /** The connection of this tab, and of all tabs while this one leads. */
  readonly connection: Connection;
  readonly line: BroadcastChannel;
  leads = false;
  /** The page is being left; it may be shown again. */
  isGone = false;
  /** Resolves when it is known whether this tab leads. */
  readonly ready: Promise<unknown>;
  /** Lets another lead. */
  release: () => void = () => {};
  /** Takes over from a leader that is silent, or hidden for long. */
  steal: () => void = () => {};
  /** Stands in line for when the leader is gone. */
  queue: () => void = () => {};
  /** Told when this tab leads, where it did not. */
  onWon: (() => void) | undefined;
  #heard: Promise<(message: unknown) => void> | undefined;
  #isQueued = false;
  #unseen: ReturnType<typeof setTimeout> | undefined;
  /** Ends what this listens to. */
  readonly #end = new AbortController();

  constructor(name: string, connection: Connection) {
    this.name = name;
    this.connection = connection;
    this.line = new BroadcastChannel(name);
    this.line.onmessage = ({ data }) => void (this.#heard ??= import("./tabs").then(({ ears }) => ears(this))).then((hear) => hear(data), () => {});
    const { locks } = navigator as { locks?: LockManager };
    if (locks) {
      this.steal = () => void this.#stand(locks, { steal: true });
      this.queue = () => {
        if (!this.#isQueued) void this.#stand(locks, {});
        this.#isQueued = true;
      };
    }
    // Whoever cannot be asked about tabs is alone.
    this.ready = locks ? this.#stand(locks, { ifAvailable: true }) : import("./bully").then(({ bully }) => bully(this)).catch(() => this.won());
    const { signal } = this.#end;
    addEventListener("pagehide", () => this.#rest(globalThis, "pageshow"), { signal });
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#unseen);
      if (document.hidden) this.#unseen = setTimeout(() => this.#rest(document, "visibilitychange"), UNSEEN_MS);
    }, { signal });
  }

  /** Leaves, and comes back with the event `back`, as another tab of the group. */
  #rest(where: EventTarget, back: string): void {
    this.connection.close();
    this.leave();
    where.addEventListener(back, () => this.connection.restart(), { once: true });
  }

  /** Resolves when the lock is this tab's, or not to be had at once. */
  #stand(locks: LockManager, options: LockOptions): Promise<void> {
    return new Promise((known) => {
      const held = locks.request(this.name, options, (lock) => {
        known();
        if (!options.ifAvailable && !options.steal) this.#isQueued = false;
        if (!lock || this.isGone) return;
        this.won();
        return new Promise<void>((resolve) => (this.release = resolve));
      });
      // Another tab took it.
      held.catch(() => this.lost());
    });
  }

  won(): void {
    this.leads = true;
    this.onWon?.();
  }

  lost(): void {
    if (!this.leads || this.isGone) return;
    this.leads = false;
    this.connection.restart();
  }

  /** Out of the group for good. */
  leave(): void {
    this.line.postMessage({ from: this.me, ask: "bye" });
    this.isGone = true;
    this.line.close();
    this.#end.abort();
    clearTimeout(this.#unseen);
    this.release();
  }
}

/**
 * Opens with `alone` in the tab that leads, and through it in the others. `group` names those who may
 * share; `connection` is the one that this opens for.
 */
export function sharing(group: (token: string | null) => string, connection: () => Connection, alone: OpenTransport): OpenTransport {
  let tab: Tab | undefined;
  return (options, host) => {
    const name = group(options.token);
    // Another person than before; or the page is shown again after it was left.
    if (tab && tab.name !== name && !tab.isGone) tab.leave();
    if (!tab || tab.isGone) tab = new Tab(name, connection());
    return later(tab, alone, options, host);
  };
}

/** Opens when it is known which of both it is to be. */
function later(tab: Tab, alone: OpenTransport, ...[options, host]: Parameters<OpenTransport>): Transport {
  const standin = new Standin();
  const choose = async (): Promise<void> => {
    await tab.ready;
    const open = tab.leads ? alone : (await import("./tabs")).following(tab);
    if (!standin.isOver) standin.inner = open(options, host);
  };
  // The way to the others, or to the server, cannot be opened.
  choose().catch(() => standin.isOver || host.closed(LOST));
  return standin;
}
