/** Codes and limits. Written by `cargo xtask docs` from the tables of the server; not to be edited. */

/** Why a request was refused: the number over the WebSocket, by the `type` of HTTP. */
export const CODES = {
  "internal": 100,
  "unauthorized": 101,
  "unknown-channel": 102,
  "forbidden": 103,
  "method-not-found": 104,
  "already-subscribed": 105,
  "limit-exceeded": 106,
  "bad-request": 107,
  "not-available": 108,
  "token-expired": 109,
  "expired": 110,
  "too-many-requests": 111,
  "unrecoverable-position": 112,
  "invalid-channel": 1000,
  "origin-not-allowed": 1001,
  "demo-is-local": 1002,
  "site-mismatch": 1003,
  "unsupported-media-type": 1004,
  "request-too-large": 1005,
  "method-not-allowed": 1006,
  "unknown-site": 1007,
  "body-empty": 1010,
  "body-too-long": 1011,
  "name-invalid": 1012,
  "nonce-invalid": 1013,
  "parent-not-found": 1014,
  "page-required": 1015,
  "page-mismatch": 1016,
  "page-invalid": 1017,
  "page-foreign": 1018,
  "nonce-conflict": 1019,
  "thread-closed": 1020,
  "edit-window-closed": 1021,
  "unknown-comment": 1022,
  "unknown-reaction": 1023,
  "cursor-invalid": 1024,
  "too-deep": 1025,
  "email-hash-invalid": 1026,
  "data-invalid": 1027,
  "name-reserved": 1028,
  "own-origin-needed": 1029,
  "blocked": 1040,
  "proof-required": 1041,
  "thread-moved": 1045,
  "unknown-page": 1046,
  "page-taken": 1047,
  "outcome-unknown": 1030,
  "store-unavailable": 1031,
  "read-only": 1032,
} as const;

/** The names of refusals. */
export type CodeName = keyof typeof CODES;

/** Refusals after which the same request may succeed later. */
export const RETRIED: readonly CodeName[] = [
  "internal",
  "too-many-requests",
  "thread-moved",
  "outcome-unknown",
  "store-unavailable",
  "read-only",
];

/** Why the server closed a connection; from 3500 on a client does not come back by itself. */
export const CLOSES = {
  "normal": 1000,
  "protocol-error": 1002,
  "binary-frames-are-not-spoken": 1003,
  "not-utf-8": 1007,
  "message-too-big": 1009,
  "shutdown": 3001,
  "internal-server-error": 3004,
  "connection-expired": 3005,
  "subscription-expired": 3006,
  "slow": 3008,
  "no-pong": 3012,
  "invalid-token": 3500,
  "bad-request": 3501,
  "stale": 3502,
  "force-disconnect": 3503,
  "permission-denied": 3507,
  "not-available": 3508,
} as const;

/** The first close code after which a client does not come back by itself. */
export const CLOSE_FINAL = 3500;

/** The reader fell off its channel and subscribes again. */
export const UNSUBSCRIBE_INSUFFICIENT = 2500;

/** Limits as they are by default; the server's own word is final. */
export const LIMITS = {
  bodyCharacters: 10000,
  chatCharacters: 1000,
  nameCharacters: 60,
  titleCharacters: 300,
  urlCharacters: 2048,
  subscriptions: 128,
  messageBytes: 65536,
} as const;
