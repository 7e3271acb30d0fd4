/**
 * The JSON form of the Centrifuge client protocol v2, as far as a reader speaks it: the shapes of
 * commands and replies, and the codes that decide what to do next (CONTRACT §4). No IO.
 */
import type { CODES } from "./codes";
import { CLOSE_FINAL } from "./codes";
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

type Code<Name extends keyof typeof CODES> = (typeof CODES)[Name];

// Held against the server's table by type alone, so that the table itself is not sent to readers.
const INTERNAL: Code<"internal"> = 100;
const TOO_MANY: Code<"too-many-requests"> = 111;
/** The token has expired. */
export const TOKEN_EXPIRED: Code<"token-expired"> = 109;
/** The position cannot be served: read again. */
export const UNRECOVERABLE: Code<"unrecoverable-position"> = 112;

/** Close codes after which coming back is of no use. */
export const isFinal = (code: number): boolean => code >= CLOSE_FINAL && code < 4000;

export const refusalOf = (error: WireError): Refusal => ({
  code: error.code,
  message: error.message,
  temporary: error.temporary === true || error.code === INTERNAL || error.code === TOO_MANY,
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
