/** What the reader is told when something did not work. */
import { Problem } from "../client/api";
import type { CodeName } from "../client/codes";
import type { Words } from "./words";

const BY_TYPE: Partial<Record<CodeName, string>> = {
  "origin-not-allowed": "problem.origin",
  "demo-is-local": "problem.demo",
  "outcome-unknown": "problem.unknown",
};
const BY_STATUS: Record<number, string> = { 0: "problem.unreachable", 401: "problem.rights", 403: "problem.rights", 413: "problem.large", 429: "problem.fast" };

export function describe(error: unknown, words: Words): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Problem)) return words.say("problem.other", { message });
  const type = (Object.keys(BY_TYPE) as CodeName[]).find((name) => error.is(name));
  const key = (type && BY_TYPE[type]) ?? BY_STATUS[error.status] ?? "problem.other";
  return words.say(key, { message, origin: location.origin });
}
