/** A long-poll page of 2011, ten times: reads the list, waits for more, is woken, and loses nothing over a restart. */
import assert from "node:assert/strict";
import { Heard, line, numbers, order, post, server, story } from "./story.mjs";

const say = (from, content) => post("/msgs", { from, content });

/** What such a page does: asks from where it is, shows what comes, asks again, also after an error. */
function page(heard, woken) {
  const shown = [];
  let closed = false;
  (async () => {
    while (!closed) {
      try {
        woken.push("asks");
        const entries = await (await fetch(`${line}/msgs?start=${shown.length}`)).json();
        shown.push(...entries);
        heard.push(shown.length);
      } catch {
        // As the page of old: once more, when there is a turn.
        await new Promise((again) => setTimeout(again, 50));
      }
    }
  })();
  return { shown, close: () => (closed = true) };
}

story(async () => {
  assert.deepEqual(await (await say("ann", "first")).json(), {});
  await say("bob", "second <b>&amp;</b>");
  const list = await (await fetch(`${server}/msgs?start=0`)).json();
  assert.deepEqual(list, [
    { from: "ann", content: "first" },
    { from: "bob", content: "second &lt;b&gt;&amp;amp;&lt;/b&gt;" },
  ]);
  assert.deepEqual(await (await fetch(`${server}/msgs?start=1`)).json(), list.slice(1));

  const [heard, woken] = [new Heard(), new Heard()];
  const pages = numbers(1, 10).map(() => page(heard, woken));
  const allShow = (count) => heard.until(() => pages.every(({ shown }) => shown.length === count), `${count} entries on all pages`);
  await allShow(2);
  // All of them wait now: each asked a second time.
  await woken.until(() => woken.all.length === 20, "all wait");
  await say("cat", "third");
  await allShow(3);
  await woken.until(() => woken.all.length === 30, "one answer woke each");

  await order("kill");
  await order("start");
  await say("dan", "fourth");
  await allShow(4);
  await order("down");
  await say("eve", "fifth");
  await order("kill");
  await order("start");
  await say("fay", "sixth");
  await order("up");
  await allShow(6);

  const whole = await (await fetch(`${server}/msgs?start=0`)).json();
  assert.deepEqual(whole.map(({ from }) => from), ["ann", "bob", "cat", "dan", "eve", "fay"]);
  for (const { shown, close } of pages) {
    assert.deepEqual(shown, whole);
    close();
  }
});
