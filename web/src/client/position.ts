/** Where a reader stands in a channel, as CONTRACT §1 writes it: `EPOCH:OFFSET`. */

export interface Position {
  /** Changes whenever the log can no longer vouch for what it promised. */
  epoch: string;
  /** Grows by one with every publication. */
  offset: number;
}

/** Reads `EPOCH:OFFSET`; null for what is not one, which a reader treats as "from now on". */
export function parsePosition(text: string | null | undefined): Position | null {
  const match = /^([0-9a-z]{1,32}):(\d{1,16})$/.exec(text ?? "");
  return match ? { epoch: match[1]!, offset: Number(match[2]) } : null;
}
