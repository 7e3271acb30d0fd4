/** What the reader is told when something did not work: `problem.ts`, loaded for it; the bare message where it cannot be. */
import type { Words } from "./words";

export async function explain(error: unknown, words: Words): Promise<string> {
  try {
    return (await import("./problem")).describe(error, words);
  } catch {
    return (error as Error).message;
  }
}
