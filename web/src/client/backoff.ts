/** How long to wait before trying again: exponential with full jitter, so that a herd spreads. */

export interface BackoffOptions {
  base_ms: number;
  max_ms: number;
  /** 0 (included) to 1 (excluded); tests pass their own. */
  random: () => number;
}

export const backoffDefaults: BackoffOptions = { base_ms: 1000, max_ms: 30_000, random: Math.random };

/** The wait before attempt number `attempt` (the first retry is 0), anywhere below its ceiling. */
export function backoff_ms(attempt: number, options: BackoffOptions = backoffDefaults): number {
  const ceiling = Math.min(options.max_ms, options.base_ms * 2 ** Math.min(attempt, 30));
  return Math.floor(options.random() * ceiling);
}
