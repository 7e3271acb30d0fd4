/** When something was written, in the reader's words and zone, kept true by one clock for all. */
import type { Words } from "./words";

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const TICK_MS = 30_000;

const shown = new Map<HTMLTimeElement, Words>();
let clock: ReturnType<typeof setInterval> | undefined;

/** "3 minutes ago"; what is less than a minute away, or in the future by a wrong clock, is "now". */
function tick(element: HTMLTimeElement, { ago }: Words): void {
  const ago_s = (Date.now() - Date.parse(element.dateTime)) / 1000;
  const [unit, length_s] = STEPS.find(([, step_s]) => ago_s >= step_s) ?? ["second", Infinity];
  const text = ago.format(-Math.max(0, Math.floor(ago_s / length_s)), unit);
  if (element.textContent !== text) element.textContent = text;
}

/** Shows `created` (RFC 3339) in `element`, and keeps it true until `forgetTime`. */
export function showTime(element: HTMLTimeElement, created: string, words: Words): void {
  const at_ms = Date.parse(created);
  if (Number.isNaN(at_ms)) return;
  element.dateTime = created;
  element.title = new Intl.DateTimeFormat(words.lang, { dateStyle: "full", timeStyle: "short" }).format(at_ms);
  tick(element, words);
  shown.set(element, words);
  clock ??= setInterval(() => shown.forEach((its, one) => tick(one, its)), TICK_MS);
}

export function forgetTime(element: HTMLTimeElement): void {
  shown.delete(element);
  if (shown.size) return;
  clearInterval(clock);
  clock = undefined;
}
