/**
 * The transports for where no WebSocket gets through: an event stream and a long poll at `/v1/events`
 * (CONTRACT §3). No session is kept: a request names all channels with their positions, and every
 * change of them is a new request from where the last one stood. Uses `fetch` for both, so that a
 * token travels in a header; loaded only when it is needed (`race.ts`).
 */
import { parsePosition } from "./position";
import { UNRECOVERABLE } from "./protocol";
import type { ChannelEvent } from "./event";
import type { Closed, OpenTransport, Transport, TransportHost, TransportOptions, Want } from "./transport";

/** How long an answer may take to begin, and a stream to be silent (the server says something each 25 s). */
const ANSWER_MS = 10_000;
const SILENCE_MS = 45_000;
/** How long a poll waits for news. */
const POLL_S = 25;
/** Bytes of one event of a stream; more is no stream of ours. */
const EVENT_CHARACTERS_MAX = 8 * 1024 * 1024;

interface WireEvent {
  event: string;
  channel: string;
  offset?: number;
  data: unknown;
}

interface Asked {
  want: Want;
  /** As the server wrote it; null before it did. */
  position: string | null;
  granted: boolean;
}

/** Where a reading stands: what it asked for, in the order asked. */
type Reading = { names: string[]; abort: AbortController; alarm: (after_ms: number) => void };

class Refused extends Error {
  readonly how: Closed;
  constructor(how: Closed) {
    super(how.reason);
    this.how = how;
  }
}

/** What a status that is not 200 means for coming back; only the server's own word (a problem) is final, a proxy's page is not. */
function refusalOf(answer: Response, sentToken: boolean): Refused {
  const after_s = Number(answer.headers.get("Retry-After") ?? NaN);
  const isWord = (answer.headers.get("Content-Type") ?? "").includes("problem+json");
  const expired = isWord && answer.status === 401 && sentToken;
  const final = isWord && !expired && answer.status < 500 && answer.status !== 429 && answer.status !== 408;
  return new Refused({ code: isWord ? answer.status : 0, reason: answer.statusText, final, expired, retry_ms: Number.isFinite(after_s) ? after_s * 1000 : null });
}

abstract class CursorTransport implements Transport {
  protected readonly options: TransportOptions;
  protected readonly host: TransportHost;
  readonly #asked = new Map<string, Asked>();
  #reading: Reading | null = null;
  #queued = false;
  #over = false;
  #opened = false;

  constructor(options: TransportOptions, host: TransportHost) {
    this.options = options;
    this.host = host;
    this.#restartSoon();
  }

  /** Reads until `reading` is called off; throws when it ends. */
  protected abstract read(url: URL, reading: Reading): Promise<void>;

  subscribe(want: Want): void {
    const { since } = want;
    this.#asked.set(want.channel, { want, position: since && `${since.epoch}:${since.offset}`, granted: false });
    this.#restartSoon();
  }

  unsubscribe(channel: string): void {
    if (this.#asked.delete(channel)) this.#restartSoon();
  }

  close(): void {
    this.#over = true;
    this.#reading?.abort.abort();
  }

  protected async answer(url: URL, accept: string, { abort, alarm }: Reading): Promise<Response> {
    const { token } = this.options;
    alarm(ANSWER_MS);
    const headers: Record<string, string> = { Accept: accept };
    if (token) headers["Authorization"] = `Bearer ${token}`;
    const answer = await fetch(url, { headers, signal: abort.signal, credentials: "omit", cache: "no-store" });
    if (!answer.ok) throw refusalOf(answer, !!token);
    return answer;
  }

  /** The positions of all channels, in the order asked; at the first of a reading they grant what was asked for. */
  protected moved(reading: Reading, positions: string): void {
    const parts = positions.split(",");
    if (!this.#opened) {
      // What is subscribed to now is asked for by the next request, from its own position.
      this.#opened = true;
      return this.host.opened(null);
    }
    if (reading !== this.#reading) return;
    reading.names.forEach((channel, index) => {
      const asked = this.#asked.get(channel);
      const position = parsePosition(parts[index]);
      if (!asked || !position) return;
      asked.position = parts[index]!;
      if (asked.granted) return;
      asked.granted = true;
      this.host.subscribed({ channel, position, recovered: true, missed: [] });
    });
  }

  protected heard({ channel, event, data, offset }: WireEvent): void {
    const heard: ChannelEvent = { name: event, data, offset: offset ?? null };
    // What still comes from an earlier request, for what was asked anew, is in the answer to that.
    if (this.#asked.get(channel)?.granted) this.host.event(channel, heard);
  }

  /** Something may be missing: those who listen read again and ask anew. */
  protected gap(channels: readonly string[]): void {
    for (const channel of channels) {
      if (!this.#asked.delete(channel)) continue;
      this.host.refused(channel, { code: UNRECOVERABLE, message: "", temporary: true });
    }
    this.#restartSoon();
  }

  /** Changes of one turn are one request. What the present one still brings answers what is not asked any more. */
  #restartSoon(): void {
    this.#reading?.abort.abort();
    this.#reading = null;
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (!this.#over) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#reading?.abort.abort();
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const alarm = (after_ms: number): void => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), after_ms);
    };
    abort.signal.addEventListener("abort", () => clearTimeout(timer));
    const names = this.#opened ? [...this.#asked.keys()] : [this.options.channel];
    const reading = (this.#reading = { names, abort, alarm });
    if (!names.length) return;
    let how: Closed = { code: 0, reason: "the line ended", final: false, expired: false };
    try {
      await this.read(this.#url(names), reading);
    } catch (error) {
      if (error instanceof Refused) how = error.how;
    }
    clearTimeout(timer);
    if (this.#reading !== reading || this.#over) return;
    this.close();
    this.host.closed(how);
  }

  #url(names: readonly string[]): URL {
    const { server, site } = this.options;
    const url = new URL("v1/events", server);
    const signals = new Set<string>();
    for (const name of names) {
      const asked = this.#asked.get(name);
      url.searchParams.append("channel", name);
      if (asked?.position) url.searchParams.append("since", asked.position);
      asked?.want.signals.forEach((signal) => signals.add(signal));
    }
    if (site) url.searchParams.set("site", site);
    if (signals.size) url.searchParams.set("signals", [...signals].join());
    return url;
  }
}

class EventStream extends CursorTransport {
  protected override async read(url: URL, reading: Reading): Promise<void> {
    const answer = await this.answer(url, "text/event-stream", reading);
    const lines = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let retry_ms: number | null = null;
    // A proxy that keeps the answer to itself until it ends is one that lets no stream through.
    reading.alarm(ANSWER_MS);
    for (;;) {
      const { done, value } = await lines.read();
      if (done) throw new Refused({ code: 0, reason: "the stream ended", final: false, expired: false, retry_ms });
      reading.alarm(SILENCE_MS);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop()!;
      if (rest.length > EVENT_CHARACTERS_MAX) throw new Error("no event stream");
      for (const block of blocks) {
        const fields: Record<string, string> = {};
        for (const line of block.split("\n")) fields[line.split(":", 1)[0]!] = line.slice(line.indexOf(":") + 1).trim();
        if (fields["retry"]) retry_ms = Number(fields["retry"]);
        if (!reading.abort.signal.aborted) this.#take(fields, reading);
      }
    }
  }

  #take({ event, id, data }: Record<string, string>, reading: Reading): void {
    if (!event) return;
    if (event === "gap") return this.gap([(JSON.parse(data!) as { channel: string }).channel]);
    if (event === "position") return this.moved(reading, data!);
    this.heard(JSON.parse(data!) as WireEvent);
    if (id) this.moved(reading, id);
  }
}

/** What tells the server that polls come from one reader. */
const newViewer = (): string => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => (byte % 36).toString(36)).join("");

class LongPoll extends CursorTransport {
  readonly #viewer = newViewer();

  protected override async read(url: URL, reading: Reading): Promise<void> {
    if (this.options.count) url.searchParams.set("viewer", this.#viewer);
    url.searchParams.set("wait", String(POLL_S));
    for (;;) {
      const call = this.answer(url, "application/json", reading);
      reading.alarm(POLL_S * 1000 + ANSWER_MS);
      const { position, gap, events } = (await (await call).json()) as { position: string; gap?: boolean; events: WireEvent[] };
      if (reading.abort.signal.aborted) return;
      if (gap) return this.gap(reading.names);
      // Granted first, at where the events begin; then they bring the positions to where they end.
      const granted = url.searchParams.getAll("since");
      if (granted.length === reading.names.length) this.moved(reading, granted.join());
      for (const event of events) this.heard(event);
      this.moved(reading, position);
      url.searchParams.delete("channel");
      url.searchParams.delete("since");
      const positions = position.split(",");
      reading.names.forEach((name, index) => {
        url.searchParams.append("channel", name);
        url.searchParams.append("since", positions[index]!);
      });
    }
  }
}

export const openStream: OpenTransport = (options, host) => new EventStream(options, host);
export const openPoll: OpenTransport = (options, host) => new LongPoll(options, host);
