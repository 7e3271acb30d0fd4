/** What an answer that is not well says, loaded with the first such answer. */
import { Problem } from "./problem";

export async function problemOf(answer: Response): Promise<Problem> {
  const after_s = Number(answer.headers.get("Retry-After"));
  // What is no problem document (a proxy's page) says enough by its status.
  const told = (await answer.json().catch(() => ({}))) as { type?: string; title?: string; detail?: string };
  const message = told.detail ?? told.title ?? `${answer.status} ${answer.statusText}`;
  return new Problem(answer.status, told.type ?? "", message, after_s ? after_s * 1000 : null);
}
