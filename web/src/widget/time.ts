/** When something was written, in the reader's words and zone, kept true by one clock for all. */

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const TICK_MS = 30_000;

const shown = new Map<HTMLTimeElement, { at_ms: number; lang: string }>();
const formats = new Map<string, Intl.RelativeTimeFormat>();
let clock: ReturnType<typeof setInterval> | undefined;

/** "3 minutes ago"; what is less than a minute away, or in the future by a wrong clock, is "now". */
export function relative(at_ms: number, now_ms: number, lang: string): string {
  let format = formats.get(lang);
  if (!format) formats.set(lang, (format = new Intl.RelativeTimeFormat(lang, { numeric: "auto" })));
  const ago_s = Math.max(0, (now_ms - at_ms) / 1000);
  for (const [unit, length_s] of STEPS) {
    if (ago_s >= length_s) return format.format(-Math.floor(ago_s / length_s), unit);
  }
  return format.format(0, "second");
}

function tick(): void {
  const now_ms = Date.now();
  for (const [element, { at_ms, lang }] of shown) {
    const text = relative(at_ms, now_ms, lang);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** Shows `created` (RFC 3339) in `element`, and keeps it true until `forget`. */
export function showTime(element: HTMLTimeElement, created: string, lang: string): void {
  const at_ms = Date.parse(created);
  if (Number.isNaN(at_ms)) return;
  element.dateTime = created;
  element.title = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "short" }).format(at_ms);
  element.textContent = relative(at_ms, Date.now(), lang);
  shown.set(element, { at_ms, lang });
  clock ??= setInterval(tick, TICK_MS);
}

export function forgetTime(element: HTMLTimeElement): void {
  shown.delete(element);
  if (shown.size > 0) return;
  clearInterval(clock);
  clock = undefined;
}
