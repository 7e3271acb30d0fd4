/** What the reader is told when something did not work. */
import type { Problem } from "../client/api";
import type { CodeName } from "../client/codes";
import english from "../locales/en.json";
import type { Words } from "./words";

const BY_TYPE: Partial<Record<CodeName, string>> = {
  "origin-not-allowed": "problem.origin",
  "demo-is-local": "problem.demo",
  "outcome-unknown": "problem.unknown",
};
const BY_STATUS: Record<number, string> = { 0: "problem.unreachable", 401: "problem.rights", 403: "problem.rights", 413: "problem.large", 429: "problem.fast" };

export function describe(error: unknown, words: Words): string {
  words.learn(english);
  // Another copy of the class is as good: it is known by what it has.
  const { message, status = -1, type } = error as Partial<Problem> & Error;
  return words.say(BY_TYPE[type as CodeName] ?? BY_STATUS[status] ?? "problem.other", { message, origin: location.origin });
}
