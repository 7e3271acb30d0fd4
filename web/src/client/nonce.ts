/** What tells one post, or one tab, from another. */

/** About 25 characters of `[0-9a-z]`, 128 random bits: works where `crypto.randomUUID` does not, on plain http. */
export const newNonce = (): string => Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("");
