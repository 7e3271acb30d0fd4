/**
 * Which tab leads where the browser has no Web Locks (plain http): the leader beats once in a while;
 * who hears no beat claims, and of two who claim the smaller id stays. A leader that closes says so,
 * and another claims at once. Loaded only where it is needed.
 */
import type { Tab } from "./share";

const BEAT_MS = 1000;
/** Silence after which the leader counts as gone; a hidden tab's timers run once a second at least for minutes. */
const SILENCE_MS = 3500;
/** The first wait, for an answer from a leader that is there. */
const ASK_MS = 150;

type Word = { id: string; word: "ask" | "lead" | "bye" };

/** Makes `tab` stand for election; resolves when it is known whether it leads. */
export function bully(tab: Tab): Promise<void> {
  const id = tab.me;
  const line = new BroadcastChannel(`${tab.name} election`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (word: Word["word"]): void => line.postMessage({ id, word } satisfies Word);
  const later = (after_ms: number, act: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(act, after_ms);
  };
  return new Promise((known) => {
    const beat = (): void => {
      tell("lead");
      later(BEAT_MS, beat);
    };
    const claim = (): void => {
      if (!tab.leads) tab.won();
      known();
      beat();
    };
    const wait = (after_ms: number): void => later(after_ms + Math.random() * ASK_MS, claim);
    line.onmessage = ({ data }: MessageEvent<Word>) => {
      if (data.word === "bye") return tab.leads || wait(0);
      if (data.word === "ask") return tab.leads && tell("lead");
      if (tab.leads && id < data.id) return tell("lead");
      tab.lost();
      known();
      wait(SILENCE_MS);
    };
    tab.steal = claim;
    tab.release = () => {
      clearTimeout(timer);
      if (tab.leads) tell("bye");
      line.close();
    };
    tell("ask");
    wait(ASK_MS);
  });
}
