/**
 * What the npm package `parlour-client` gives: the connection of the elements without a page, for
 * browsers and Node. `connect` is all that most need; the parts are there for those who build more.
 */
import { Connection } from "./connection";
import type { ConnectionOptions } from "./connection";
import type { Listener } from "./channel";
import { parsePosition } from "./position";
import { ways } from "./ways";

export { Api, Problem } from "./api";
export type { Count, Draft, ListQuery, Place } from "./api";
export { backoff_ms, backoffDefaults } from "./backoff";
export type { BackoffOptions } from "./backoff";
export type { Listener } from "./channel";
export { CODES, CLOSES, LIMITS } from "./codes";
export { Connection } from "./connection";
export type { ConnectionOptions, ConnectionState } from "./connection";
export { openPoll, openStream } from "./cursor";
export type { Author, ChannelEvent, Comment, CommentDeleted, CommentPage, CommentState, Mine } from "./event";
export { Identity } from "./identity";
export { post, react } from "./member";
export { newNonce } from "./nonce";
export { channelOfKey, pageChannel, PageError, pageKey } from "./page";
export { parsePosition } from "./position";
export type { Position } from "./position";
export { Queue } from "./queue";
export type { QueueListener, Unsent, UnsentState } from "./queue";
export { ways } from "./ways";
export type { Closed, OpenTransport, Refusal, Subscribed, Transport, TransportHost, TransportOptions, Want } from "./transport";
export { openWebSocket } from "./websocket";

export interface ConnectOptions {
  /** A token, or what gives one; `fresh` after the last one expired. Without one the reader is a guest. */
  token?: string | ((fresh: boolean) => Promise<string | null>);
  site?: string;
  /** False: not to be counted as a viewer. */
  count?: boolean;
  /** How transports are opened; by default what gets through first. */
  open?: ConnectionOptions["open"];
}

/** A connection to the server at `server`, opened with the first subscription and closed after the last. */
export function connect(server: string, { token, site, count = true, open = ways() }: ConnectOptions = {}): Connection {
  const given = typeof token === "function" ? token : () => Promise.resolve(token ?? null);
  return new Connection({ server: server.endsWith("/") ? server : `${server}/`, site: site ?? null, count, open, token: given });
}

/** Listens to `channel` from `since` (`EPOCH:OFFSET`) or from now on; the function ends it. */
export function listen(connection: Connection, channel: string, listener: Listener, since?: string, signals: readonly string[] = []): () => void {
  return connection.subscribe(channel, parsePosition(since), signals, listener);
}
