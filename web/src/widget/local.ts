/** The ids of what the reader wrote and the server has not taken yet: no id of a server begins so. */

/** What stands for a comment until the server has one. */
export const localId = (nonce: string): string => `~${nonce}`;

export const isLocal = (id: string): boolean => id[0] === "~";
