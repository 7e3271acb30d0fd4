/**
 * What the scripts share: the addresses they are told, orders to the test that started them, waiting
 * for what is to happen, and publishing by HTTP. A script ends with 0 when all that it claims held.
 */
import assert from "node:assert/strict";
import { createInterface } from "node:readline";

/** The server itself, and the line to it that can be cut. */
export const [server, line] = process.argv.slice(2);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks the test for `cut`, `down`, `up`, `kill`, `start` or `forget`, and waits until it is done. */
export async function order(word) {
  console.log(`! ${word}`);
  assert.equal((await answers.next()).value, "done");
}

/** Runs the script; whatever is still open must not keep it alive. */
export function story(tell) {
  tell().then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

const PATIENCE_MS = 30_000;

/** What `test` answers once that is something; it is asked again in each turn of the loop of events. */
export async function until(test, what, patience_ms = PATIENCE_MS) {
  for (const end_ms = Date.now() + patience_ms; ; await new Promise((turn) => setImmediate(turn))) {
    const found = await test();
    if (found) return found;
    assert.ok(Date.now() < end_ms, `waited in vain for ${what}`);
  }
}

/** What came, in order; whoever waits for something looks again at each new one. */
export class Heard {
  all = [];
  #waiting = new Set();

  push(item) {
    this.all.push(item);
    for (const look of [...this.#waiting]) look();
  }

  /** The first item for which `test` holds, now or later. */
  find(test, what = test) {
    return this.until(() => this.all.find(test), what);
  }

  /** Resolves with what `test` answers once that is something. */
  until(test, what = test) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`waited in vain for ${what}; heard ${JSON.stringify(this.all)}`));
      }, PATIENCE_MS);
      const look = () => {
        const found = test();
        if (found === undefined || found === false) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

export async function post(path, body) {
  const answer = await fetch(server + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer;
}

/** Publishes one by one; answers the last one's position. */
export async function publish(channel, ...items) {
  let position;
  for (const data of items) ({ position } = await (await post(`/v1/channels/${channel}/publications`, { data })).json());
  return position;
}

/** The whole numbers from `first` to `last`. */
export const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
