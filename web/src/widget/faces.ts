/**
 * Who is there, as small round pictures beside the number, for pages that ask for it with `faces`; loaded for them. The server tells
 * names only to those who may see them: everyone in chats, moderators under pages. Of these only who is signed in and wants it is drawn,
 * the others are a number; a switch says for whoever is signed in that they want it. Pictures are drawn here; nobody is asked for one.
 */
import english from "../locales/en.json";
import { keepAt } from "../client/account";
import { keyOf } from "../client/identity";
import { avatar } from "./avatar";
import { h, place } from "./h";
import { storageOf } from "./storage";
import type { Surroundings } from "./surroundings";
import type { Words } from "./words";

const FACES_MAX = 5;
/** An element asks at most so often. */
const EVERY_MS = 10_000;
/** All who are present ask, so each waits by chance as long as keeps them to fifty a second, but not for ever. */
const EACH_MS = 20;
const CROWD_MS_MAX = 600_000;

interface Presence {
  viewers: number;
  members?: { user: string; name: string; face?: boolean }[];
}

class Faces {
  readonly #stack = h("span.faces", { role: "img", hidden: true });
  readonly #switch: HTMLInputElement;
  readonly #label: HTMLElement;
  #count = 0;
  #asked_ms = -Infinity;
  #isWanted = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly line: HTMLElement,
    words: Words,
    readonly around: Surroundings,
    readonly channel: string,
    readonly signal: AbortSignal,
  ) {
    this.#switch = h("input", { type: "checkbox", role: "switch", onchange: () => this.#chosen() });
    this.#label = h("label.consent", { hidden: true }, this.#switch, words.learn(english).say("faces.show"));
    line.before(this.#stack);
    (line.closest(".bar") ?? line).after(this.#label);
    document.addEventListener("visibilitychange", () => this.#plan(), { signal });
    // Another tab, or another element of this page, was told.
    addEventListener("storage", ({ key, isTrusted }) => {
      if (key !== this.#key || this.#switch.checked === !!around.identity.face) return;
      this.#show();
      if (isTrusted) around.connection.restart();
    }, { signal });
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
    this.#show();
  }

  get #key(): string {
    return keyOf(this.around.server, this.around.site);
  }

  /** So many are present now; nothing is asked while that is as it was. */
  heard(count: number): void {
    if (count === this.#count) return;
    this.#count = count;
    this.#isWanted = true;
    this.#plan();
  }

  /** Asks when it may: nobody looks at a hidden page. */
  #plan(): void {
    if (this.#timer || !this.#isWanted || document.hidden) return;
    const crowd_ms = Math.min(this.#count * EACH_MS, CROWD_MS_MAX);
    const rest_ms = Math.max(0, this.#asked_ms + Math.max(EVERY_MS, crowd_ms) - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!document.hidden) void this.#ask();
    }, rest_ms + Math.random() * crowd_ms);
  }

  async #ask(): Promise<void> {
    this.#isWanted = false;
    this.#asked_ms = performance.now();
    const { api, identity } = this.around;
    // What cannot be had now comes with the next change.
    const told = await api.act<Presence>("GET", `v1/channels/${encodeURIComponent(this.channel)}/presence`, undefined, this.signal).catch(() => null);
    if (!told) return;
    this.#label.hidden = !told.members || !identity.signedIn;
    this.#draw(told);
  }

  #draw({ viewers, members = [] }: Presence): void {
    const people = [...new Map(members.filter(({ face }) => face).map(({ user, name }) => [user, name]))].slice(0, FACES_MAX);
    const rest = people.length && viewers > people.length ? `+${viewers - people.length}` : "";
    this.#stack.ariaLabel = [...people.map(([, name]) => name), rest].filter(Boolean).join(", ");
    place(this.#stack, [...people.map(([user, name]) => Object.assign(avatar(user, name, null, this.around.server), { title: name })), ...(rest ? [h("span.hint", { dir: "ltr" }, rest)] : [])]);
    this.#stack.hidden = people.length === 0;
  }

  #show(): void {
    this.#switch.checked = !!this.around.identity.face;
  }

  /** What was chosen is kept for the site, said to the server with a new connection, and to the elements beside this one. */
  #chosen(): void {
    const { server, site, connection } = this.around;
    if (keepAt(storageOf("localStorage"), server, site, { face: this.#switch.checked || undefined })) {
      dispatchEvent(new StorageEvent("storage", { key: this.#key }));
      this.#isWanted = true;
      connection.restart();
      this.#plan();
    }
    this.#show();
  }
}

const known = new WeakMap<HTMLElement, Faces>();

/** Shows the faces of `channel` in front of `line`, now that `count` are present, or takes them away where there is nobody to be seen. */
export function showFaces(line: HTMLElement, count: number, words: Words, around: Surroundings, channel: string, signal: AbortSignal): void {
  if (signal.aborted) return;
  let faces = known.get(line);
  if (!faces) known.set(line, (faces = new Faces(line, words, around, channel, signal)));
  faces.heard(count);
}
