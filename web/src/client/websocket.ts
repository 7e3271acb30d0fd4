/**
 * The transport over a WebSocket at `/connection/websocket`. Turns subscriptions into commands and
 * replies into calls of its host; answers the server's pings and notices when they stay away.
 * Leaves retries and positions to `connection.ts`.
 */
import { UNSUBSCRIBE_INSUFFICIENT } from "./codes";
import { eventOf, isFinal, refusalOf, repliesOf, TOKEN_EXPIRED } from "./protocol";
import type { WireReply } from "./protocol";
import type { Closed, Transport, TransportHost, TransportOptions, Want } from "./transport";

/** How long the server may take to open and to answer `connect`. */
const CONNECT_MS = 15_000;
/** How much later than promised a ping may come. */
const PING_GRACE_MS = 10_000;
/** Close codes of our own, in the range where coming back is fine. */
const SILENT = 3000;
const BAD_FRAME = 3001;

type Answer = (reply: WireReply) => void;

/** The address of the WebSocket of `options.server`. */
function websocketUrl(options: TransportOptions): string {
  const url = new URL("connection/websocket", options.server);
  if (options.site) url.searchParams.set("site", options.site);
  return url.href.replace("http", "ws");
}

class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  readonly #options: TransportOptions;
  readonly #host: TransportHost;
  /** Subscriptions that were asked for and not taken back: their command's id. */
  readonly #asked = new Map<string, number>();
  readonly #granted = new Set<string>();
  readonly #answers = new Map<number, Answer>();
  #lastId = 0;
  #over = false;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #patience_ms = CONNECT_MS;

  constructor(options: TransportOptions, host: TransportHost) {
    this.#options = options;
    this.#host = host;
    this.#socket = new WebSocket(websocketUrl(options));
    this.#socket.onopen = () => this.#connect();
    this.#socket.onmessage = (message) => this.#receive(String(message.data));
    // A close follows, and says the same; packages for Node throw where nobody listens.
    this.#socket.onerror = () => {};
    this.#socket.onclose = (close) => this.#end(close.code, close.reason);
    this.#expectSomething();
  }

  subscribe(want: Want): void {
    const { channel, since, signals } = want;
    const body: Record<string, unknown> = { channel };
    if (since) Object.assign(body, { recover: true, epoch: since.epoch, offset: since.offset });
    if (signals.length) body["data"] = { signals };
    this.#granted.delete(channel);
    const id = this.#command({ subscribe: body }, (reply) => {
      if (this.#asked.get(channel) !== id) return;
      const { error, subscribe } = reply;
      if (error) {
        this.#asked.delete(channel);
        this.#host.refused(channel, refusalOf(error));
      } else if (subscribe) {
        this.#granted.add(channel);
        this.#host.subscribed({
          channel,
          position: { epoch: subscribe.epoch ?? "", offset: subscribe.offset ?? 0 },
          recovered: since === null || subscribe.recovered === true,
          missed: (subscribe.publications ?? []).map(eventOf),
        });
      }
    });
    this.#asked.set(channel, id);
  }

  unsubscribe(channel: string): void {
    if (!this.#asked.delete(channel)) return;
    this.#granted.delete(channel);
    this.#command({ unsubscribe: { channel } }, () => {});
  }

  close(): void {
    this.#over = true;
    this.#release();
    this.#socket.close(1000);
  }

  #connect(): void {
    const { token, count, face } = this.#options;
    const connect: Record<string, unknown> = { data: { count, face } };
    if (token) connect["token"] = token;
    this.#command({ connect }, (reply) => {
      const { error } = reply;
      if (error) {
        const expired = error.code === TOKEN_EXPIRED;
        return this.#finish({ code: error.code, reason: error.message, final: !refusalOf(error).temporary && !expired, expired });
      }
      if (!reply.connect) return this.#end(BAD_FRAME, "no connect");
      const ping_s = reply.connect.ping ?? 0;
      this.#patience_ms = ping_s > 0 ? ping_s * 1000 + PING_GRACE_MS : 0;
      this.#expectSomething();
      this.#host.opened(reply.connect.data?.token ?? null);
    });
  }

  #command(command: Record<string, unknown>, answer: Answer): number {
    const id = ++this.#lastId;
    this.#answers.set(id, answer);
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ id, ...command }));
    return id;
  }

  #receive(frame: string): void {
    this.#expectSomething();
    let replies: WireReply[];
    try {
      replies = repliesOf(frame);
    } catch {
      return this.#end(BAD_FRAME, "no JSON");
    }
    for (const reply of replies) {
      if (this.#over) return;
      this.#take(reply);
    }
  }

  #take(reply: WireReply): void {
    if (reply.id) {
      const answer = this.#answers.get(reply.id);
      this.#answers.delete(reply.id);
      answer?.(reply);
    } else if (reply.push) {
      this.#push(reply.push);
    } else {
      this.#socket.send("{}");
    }
  }

  #push(push: NonNullable<WireReply["push"]>): void {
    if (push.disconnect) return this.#end(push.disconnect.code, push.disconnect.reason);
    const channel = push.channel ?? "";
    // What still arrives for a subscription given up, or asked for anew, is in the next answer.
    if (!this.#granted.has(channel)) return;
    const { pub, unsubscribe } = push;
    if (pub) this.#host.event(channel, eventOf(pub));
    if (!unsubscribe) return;
    this.#granted.delete(channel);
    this.#asked.delete(channel);
    const { code, reason } = unsubscribe;
    if (code >= UNSUBSCRIBE_INSUFFICIENT) this.#host.dropped(channel);
    else this.#host.refused(channel, { code, message: reason, temporary: false });
  }

  /** Silence for longer than the server promised is a lost connection. */
  #expectSomething(): void {
    clearTimeout(this.#watchdog);
    if (!this.#patience_ms || this.#over) return;
    this.#watchdog = setTimeout(() => this.#end(SILENT, "silence"), this.#patience_ms);
  }

  #end(code: number, reason: string): void {
    this.#finish({ code, reason, final: isFinal(code), expired: false });
  }

  #finish(how: Closed): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.#socket.close(1000);
    this.#host.closed(how);
  }

  #release(): void {
    clearTimeout(this.#watchdog);
    this.#answers.clear();
    this.#granted.clear();
    this.#asked.clear();
  }
}

/** Opens a WebSocket; see `OpenTransport`. */
export const openWebSocket = (options: TransportOptions, host: TransportHost): Transport =>
  new WebSocketTransport(options, host);
