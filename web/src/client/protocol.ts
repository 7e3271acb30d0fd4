/**
 * The JSON form of the Centrifuge client protocol v2, as far as a reader speaks it: the shapes of
 * commands and replies, and the codes that decide what to do next (CONTRACT §4). No IO.
 */
import type { ChannelEvent } from "./event";
import type { Refusal } from "./transport";

export interface WirePublication {
  data: unknown;
  offset?: number;
  tags?: Record<string, string>;
}

export interface WireError {
  code: number;
  message: string;
  temporary?: boolean;
}

export interface WireReply {
  id?: number;
  error?: WireError;
  connect?: { client: string; ping?: number; pong?: boolean; data?: { token?: string } | null };
  subscribe?: { epoch?: string; offset?: number; recovered?: boolean; publications?: WirePublication[] };
  push?: {
    channel?: string;
    pub?: WirePublication;
    unsubscribe?: { code: number; reason: string };
    disconnect?: { code: number; reason: string };
  };
}

/** Error codes that mean "not now": internal, and too many requests. */
const TEMPORARY = new Set([100, 111]);
/** The token has expired. */
export const TOKEN_EXPIRED = 109;
/** The position cannot be served: read again. */
export const UNRECOVERABLE = 112;
/** An `unsubscribe` push from here on asks to subscribe again. */
export const RESUBSCRIBE_FROM = 2500;

/** Close codes after which coming back is of no use. */
export const isFinal = (code: number): boolean => (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000);

export const refusalOf = (error: WireError): Refusal => ({
  code: error.code,
  message: error.message,
  temporary: error.temporary === true || TEMPORARY.has(error.code),
});

export const eventOf = (publication: WirePublication): ChannelEvent => ({
  name: publication.tags?.["event"] ?? "publication",
  data: publication.data,
  offset: publication.offset ?? null,
});

/** The replies of one frame, a line each; throws on what is not JSON. */
export const repliesOf = (frame: string): WireReply[] =>
  frame
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as WireReply);
