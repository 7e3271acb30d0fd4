/** Whom the reader does not want to see, kept in this browser alone. Comments of theirs show as a line that can be opened. */
import { storageOf } from "./storage";

const KEY = "parlour:hidden";
const HIDDEN_MAX = 500;

export class Hidden {
  readonly #people = new Set<string>();
  /** Comments opened all the same. */
  readonly #opened = new Set<string>();

  constructor() {
    try {
      for (const id of JSON.parse(storageOf("localStorage")?.getItem(KEY) ?? "[]") as string[]) this.#people.add(id);
    } catch {
      // Blocked or broken storage is an empty one.
    }
  }

  has(comment: { id: string; author: { id: string } | null }): boolean {
    return comment.author !== null && this.#people.has(comment.author.id) && !this.#opened.has(comment.id);
  }

  hide(person: string): void {
    this.#people.add(person);
    this.#opened.clear();
    this.#keep();
  }

  /** Shows this comment; `person` is not hidden any more. */
  show(id: string, person: string): void {
    this.#opened.add(id);
    this.#people.delete(person);
    this.#keep();
  }

  #keep(): void {
    try {
      storageOf("localStorage")?.setItem(KEY, JSON.stringify([...this.#people].slice(-HIDDEN_MAX)));
    } catch {
      // Full or blocked: it holds as long as the page is open.
    }
  }
}
