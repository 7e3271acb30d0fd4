/** What an answer that is not well says, loaded with the first such answer; and what follows where it refuses a sign-in of before. */
import { startAnew } from "./account";
import type { Identity } from "./identity";
import { Problem } from "./problem";

export async function problemOf(answer: Response, { holder }: Identity): Promise<Problem> {
  const after_s = Number(answer.headers.get("Retry-After"));
  // What is no problem document (a proxy's page) says enough by its status.
  const told = (await answer.json().catch(() => ({}))) as { type?: string; title?: string; detail?: string };
  const message = told.detail ?? told.title ?? `${answer.status} ${answer.statusText}`;
  if (answer.status === 401 && holder) forget(holder.token);
  return new Problem(answer.status, told.type ?? "", message, after_s ? after_s * 1000 : null);
}

/** Somebody signed out everywhere, or the time is over: the token goes from where it is kept, unless another tab has a new one since. */
function forget(token: string): void {
  for (const [key, text] of Object.entries(localStorage)) {
    if (!key.startsWith("parlour:") || !text.includes(token)) continue;
    localStorage.setItem(key, JSON.stringify({ ...(JSON.parse(text) as object), account: undefined }));
    startAnew();
  }
}
