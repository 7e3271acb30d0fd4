/**
 * What the reader wrote and the server has not taken yet: sent one by one in the order written, each
 * with a nonce, so that a repetition is never a second comment. While the server cannot be reached it
 * waits and tries again, sooner when somebody says that the network is back. Kept in the tab's own
 * storage, so that a reload loses nothing; another tab never sends it. Knows no DOM.
 */
import type { Api, Draft, Problem } from "./api";
import { backoff_ms, backoffDefaults } from "./backoff";
import type { BackoffOptions } from "./backoff";
import type { Comment } from "./event";
import { post } from "./member";
import type { Storage } from "./identity";

/** `waiting`: the server cannot be reached, or asks for a pause; `failed`: it said no. */
export type UnsentState = "sending" | "waiting" | "failed";

export interface Unsent {
  channel: string;
  draft: Draft;
  /** When it was written, in RFC 3339. */
  created: string;
  state: UnsentState;
  /** Why it failed, or waits. */
  problem?: Problem;
}

export interface QueueListener {
  changed(unsent: Unsent): void;
  /** Taken by the server; `unsent` is not in the queue any more. */
  sent(unsent: Unsent, comment: Comment): void;
}

const PAUSE_MS_MAX = 60_000;
/** More are not kept: the reader is told that the oldest failed. */
const UNSENT_MAX = 50;

/** Whether the same may work later without change. */
export const isPassing = ({ status }: Problem): boolean => status === 0 || status === 429 || status >= 502;

export class Queue {
  readonly #api: Api;
  readonly #storage: Storage | null;
  readonly #key: string;
  readonly #backoff: BackoffOptions;
  readonly #items: Unsent[] = [];
  readonly #listeners = new Set<QueueListener>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempts = 0;
  #busy = false;

  constructor(api: Api, storage: Storage | null, key: string, backoff = backoffDefaults) {
    this.#api = api;
    this.#storage = storage;
    this.#key = key;
    this.#backoff = backoff;
    try {
      const kept = JSON.parse(storage?.getItem(key) ?? "[]") as Unsent[];
      this.#items.push(...kept.slice(0, UNSENT_MAX).map(({ channel, draft, created, state }) => ({ channel, draft, created, state })));
    } catch {
      // Blocked or broken storage is an empty one.
    }
    if (this.#items.length) queueMicrotask(() => void this.#run());
  }

  /** How much is not sent yet. */
  get size(): number {
    return this.#items.length;
  }

  /** What was written to `channel` and is not sent, oldest first. */
  of(channel: string): Unsent[] {
    return this.#items.filter((unsent) => unsent.channel === channel);
  }

  watch(listener: QueueListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  add(channel: string, draft: Draft): Unsent {
    const unsent: Unsent = { channel, draft, created: new Date().toISOString(), state: "sending" };
    this.#items.push(unsent);
    if (this.#items.length > UNSENT_MAX) this.#set(this.#items[0]!, "failed");
    this.#keep();
    void this.#run();
    return unsent;
  }

  retry(unsent: Unsent): void {
    this.#set(unsent, "sending");
    this.nudge();
  }

  /** Takes it back. */
  drop(unsent: Unsent): void {
    const index = this.#items.indexOf(unsent);
    if (index >= 0) this.#items.splice(index, 1);
    this.#keep();
  }

  /** Tries now: the network is back. */
  nudge(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#busy || this.#timer !== undefined) return;
    this.#busy = true;
    for (let next; (next = this.#items.find(({ state }) => state !== "failed")); ) {
      if (!(await this.#send(next))) break;
    }
    this.#busy = false;
  }

  /** False where a pause is needed. */
  async #send(unsent: Unsent): Promise<boolean> {
    try {
      const comment = await post(this.#api, unsent.channel, unsent.draft);
      this.#attempts = 0;
      this.drop(unsent);
      for (const listener of [...this.#listeners]) listener.sent(unsent, comment);
      return true;
    } catch (error) {
      // What is no problem document (the author's site does not give a token) may pass as well.
      const problem = (error as Partial<Problem>).status === undefined ? ({ status: 0, message: String(error) } as Problem) : (error as Problem);
      if (!this.#items.includes(unsent)) return true;
      if (!isPassing(problem)) {
        this.#set(unsent, "failed", problem);
        return true;
      }
      const wait_ms = Math.min(problem.retryAfter_ms ?? backoff_ms(this.#attempts++, this.#backoff), PAUSE_MS_MAX);
      this.#timer = setTimeout(() => this.nudge(), wait_ms);
      for (const item of this.#items) if (item.state === "sending") this.#set(item, "waiting", problem);
      return false;
    }
  }

  #set(unsent: Unsent, state: UnsentState, problem?: Problem): void {
    unsent.state = state;
    delete unsent.problem;
    if (problem) unsent.problem = problem;
    this.#keep();
    for (const listener of [...this.#listeners]) listener.changed(unsent);
  }

  #keep(): void {
    try {
      if (this.#items.length) this.#storage?.setItem(this.#key, JSON.stringify(this.#items.map(({ problem: _, ...rest }) => rest)));
      else this.#storage?.removeItem(this.#key);
    } catch {
      // Full or blocked: it is sent as long as the page is open.
    }
  }
}
