/**
 * What the server says, as types: comments, pages of them, and events (CONTRACT §3). Shapes only;
 * kept by hand and true to `/openapi.json`.
 */

export interface Author {
  /** The member's id; stable, also for guests. */
  id: string;
  /** As written at the time; may be empty. */
  name: string;
  /** A path on the server's own origin. */
  avatar: string | null;
  /** Null for guests. */
  role: string | null;
  /** Signed in, as opposed to a name that anyone may type. */
  verified: boolean;
}

export interface Mine {
  reactions: string[];
  /** RFC 3339, or null when it can no longer be edited. */
  editable_until: string | null;
  deletable: boolean;
}

/** The last three never come from the server: what the reader wrote and it has not taken yet (`queue.ts`). */
export type CommentState = "approved" | "pending" | "spam" | "deleted" | "sending" | "waiting" | "failed";

export interface Comment {
  id: string;
  channel: string;
  /** Null until it is shown to everyone. */
  offset: number | null;
  parent: string | null;
  root: string;
  depth: number;
  /** Null in a tombstone. */
  author: Author | null;
  /** The source as written; empty in a tombstone. */
  body: string;
  format: string;
  /** What may be shown: sanitised by the server. */
  html: string;
  /** RFC 3339 in UTC. */
  created: string;
  edited: string | null;
  state: CommentState;
  pinned: boolean;
  reactions: Record<string, number>;
  /** Visible descendants. */
  replies: number;
  /** Only in answers to a request with a token. */
  mine?: Mine;
}

export interface CommentPage {
  channel: string;
  page: { url: string; title: string; closed: boolean } | null;
  comments: Comment[];
  /** Goes into `before`; null at the end. */
  next: string | null;
  more?: Record<string, string>;
  total: number;
  /** `EPOCH:OFFSET` of the snapshot. */
  position: string;
}

export interface CommentDeleted {
  id: string;
  root: string;
  parent: string | null;
  /** True where answers hang on it and a place stays. */
  tombstone: boolean;
}

/** An event on its way to an element. Signals (`viewers`, `typing`) have no offset. */
export interface ChannelEvent {
  /** `publication` for what applications publish, else Parlour's own name for it. */
  name: string;
  data: unknown;
  offset: number | null;
}
