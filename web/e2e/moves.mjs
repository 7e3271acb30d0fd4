/**
 * Pages that move and become one while people read and write on them: each reader ends on the thread where
 * theirs went, in the page that is open, without a reload; and what the dry run says is what the run does.
 */
import assert from "node:assert/strict";
import { server, story } from "../../crates/parlour/tests/clients/story.mjs";
import { document, embed, fill, launch, Reader, site } from "./stage.mjs";

const [, key] = process.argv.slice(4);

async function change(ask) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  const answer = await fetch(`${server}/v1/pages`, { method: "POST", headers, body: JSON.stringify(ask) });
  const said = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(said));
  return said;
}

/** Says what it would do, then does it; the steps, which are the same. */
async function dryThenRun(ask) {
  const planned = await change({ ...ask, dry_run: true });
  const { steps } = await change(ask);
  assert.deepEqual(steps, planned.steps);
  return steps;
}

/** The thread has these comments and no others, in the page as it was opened. */
async function has({ page, complaints }, ...bodies) {
  await page.waitForFunction((wanted) => {
    const root = document.querySelector("parlour-comments").shadowRoot;
    if (!root) return false;
    root.querySelector(".pill:not([hidden]), .foot [data-do=new]")?.click();
    return [...root.querySelectorAll("article > .content > .body")].map((body) => body.textContent.trim()).sort().join() === wanted;
  }, bodies.sort().join());
  assert.equal(await page.evaluate(() => window.notReloaded), true);
  assert.deepEqual(complaints, []);
}

story(async () => {
  const paths = ["/blog/one", "/blog/two", "/notes/one", "/notes/two", "/about"];
  const base = await site(Object.fromEntries(paths.map((path) => [path, document(embed)])));
  for (const path of ["/blog/one", "/blog/two", "/notes/two", "/about"]) await fill(base + path, [`on ${path}`]);
  const browser = await launch();
  const open = async (path) => {
    const reader = await Reader.open(browser, base + path);
    await reader.page.evaluate(() => (window.notReloaded = true));
    return reader;
  };
  const [one, two, notes, about] = await Promise.all(["/blog/one", "/blog/two", "/notes/two", "/about"].map(open));
  await has(one, "on /blog/one");
  await has(two, "on /blog/two");
  await has(notes, "on /notes/two");
  await has(about, "on /about");

  // All of /blog goes below /notes, where one of them finds another thread.
  const steps = await dryThenRun({ action: "move", from: "/blog/*", to: "/notes/*" });
  assert.deepEqual(steps.map(({ act }) => act).sort(), ["merge", "move"]);
  for (const reader of [two, notes]) await has(reader, "on /blog/two", "on /notes/two");
  await has(one, "on /blog/one");
  // They hear each other, wherever each of them came from, and so does who comes to the new address.
  await two.write("from the old address");
  await has(notes, "on /blog/two", "on /notes/two", "from the old address");
  await notes.write("an answer", { under: "on /blog/two" });
  await has(two, "on /blog/two", "on /notes/two", "from the old address", "an answer");
  const fresh = await open("/notes/one");
  await fresh.write("at the new address");
  await has(one, "on /blog/one", "at the new address");

  // Two threads become one, with readers on both, one of them by a name that is two moves old.
  const merged = await dryThenRun({ action: "merge", from: `${base}/notes/one`, to: `${base}/about` });
  assert.deepEqual(merged.map(({ act, comments }) => [act, comments]), [["merge", 2]]);
  for (const reader of [one, fresh, about]) await has(reader, "on /about", "on /blog/one", "at the new address");
  await about.write("all are here");
  await one.write("so am I");
  for (const reader of [one, fresh, about]) await has(reader, "on /about", "on /blog/one", "at the new address", "all are here", "so am I");
  await has(notes, "on /blog/two", "on /notes/two", "from the old address", "an answer");
  // The old address, opened anew, is the same thread.
  await has(await open("/blog/one"), "on /about", "on /blog/one", "at the new address", "all are here", "so am I");
  await browser.close();
});
