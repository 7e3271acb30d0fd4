/**
 * The quiet region that tells a screen reader how much is new: numbers only, and seldom. It is
 * empty when the page is shown, because what is there from the start is not read out.
 */
import { h, say } from "./h";

const PAUSE_MS = 20_000;

/** The region, and what says that there is one more; what comes within the pause is told together. */
export function announcer(text: (count: number) => string, signal: AbortSignal): [region: HTMLElement, add: () => void] {
  const region = h("p.quiet", { role: "status" });
  let count = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const speak = (): void => {
    say(region, count ? text(count) : "");
    timer = count ? setTimeout(speak, PAUSE_MS) : undefined;
    count = 0;
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  return [region, () => {
    count++;
    if (!timer) speak();
  }];
}
