/**
 * A proof of work: the number that makes a challenge's SHA-256 begin with enough zero bits. Worked on in short turns, so that the page
 * stays alive; without a worker and without `crypto.subtle`, which plain pages do not have.
 */
import { sha256 } from "./sha256";

const TURN_MS = 12;

/** `CHALLENGE:NUMBER`. A challenge that says nothing of bits is solved by the first number, and left to the server to refuse. */
export async function solve(challenge: string): Promise<string> {
  // At most 20 bits are ever asked for, so the first 32 say enough.
  const bits = Number(challenge.split(".")[2]) || 0;
  for (let number = 0; ; ) {
    for (const end = Date.now() + TURN_MS; Date.now() < end; number++) {
      const text = `${challenge}:${number}`;
      if (Math.clz32(parseInt(sha256(text).slice(0, 8), 16)) >= bits) return text;
    }
    await new Promise((turn) => setTimeout(turn));
  }
}
