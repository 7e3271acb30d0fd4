/** Why the server refused, or that it could not be reached: what `api.ts` throws. */

/** An RFC 9457 problem, or what stands for one when the server could not be reached (status 0). */
export class Problem extends Error {
  readonly status: number;
  /** A name from `CODES`, or what a proxy says. */
  readonly type: string;
  /** When to try again, in milliseconds, where the server said so. */
  readonly retryAfter_ms: number | null;

  constructor(status: number, type: string, message: string, retryAfter_ms: number | null = null) {
    super(message);
    this.status = status;
    this.type = type;
    this.retryAfter_ms = retryAfter_ms;
  }
}
