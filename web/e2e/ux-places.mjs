/** Checks of where an element stands: refused origins, policies, plain pages, single-page applications, and what lasts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { order, server } from "../../crates/parlour/tests/clients/story.mjs";
import { brought, check, inThread, openTold, post, thread, untilThread } from "./checks.mjs";
import { site } from "./stage.mjs";

const notice = ({ page }) => page.locator("parlour-comments .notice");

check("A refused origin shows a line that names the option to set.", async ({ page, open }) => {
  const address = page();
  const headers = { "Content-Type": "application/problem+json", "Access-Control-Allow-Origin": "*" };
  const refuse = (route) => route.fulfill({ status: 403, headers, body: JSON.stringify({ type: "origin-not-allowed", title: "no", status: 403 }) });
  const reader = await open(address, { before: (tab) => tab.route("**/v1/**", refuse) });
  await notice(reader).getByText(`--origins ${new URL(address).origin}`).waitFor();
});

check("A banner about the connection comes only after ten seconds.", async ({ page, open }) => {
  const address = page({ line: 1 });
  await thread(address, 1);
  const reader = await open(address, { before: (tab) => tab.clock.install() });
  await reader.shows("end 0");
  await reader.viewers("");
  const closed = new Promise((resolve) => reader.page.once("websocket", resolve));
  await order("cut");
  await closed;
  // From now on time passes only as it is told to.
  await reader.page.clock.pauseAt((await reader.page.evaluate(() => Date.now())) + 1000);
  await order("down");
  await reader.page.clock.runFor(7000);
  assert.ok(!(await notice(reader).isVisible()));
  await reader.page.clock.runFor(12_000);
  await notice(reader).getByText("Reconnecting").waitFor();
  await order("up");
  await reader.page.clock.runFor(60_000);
  await notice(reader).waitFor({ state: "hidden" });
});

check("Under a strict policy with Trusted Types everything works.", async ({ page, open }) => {
  const address = page({ csp: 1 });
  const reader = await open(address);
  await reader.write("with **marks**", { name: "Ann", reads: "with marks" });
  assert.equal(await reader.page.locator("parlour-comments .body strong").textContent(), "marks");
  await reader.write("an answer", { under: "with marks" });
  await reader.comment("an answer").first().locator("[data-do=edit]").first().click();
  await reader.page.locator("parlour-comments article article textarea").fill("an edited answer");
  await reader.page.getByRole("button", { name: "Save" }).click();
  await reader.shows("an edited answer");
  assert.notEqual(await inThread(reader, (root) => getComputedStyle(root.querySelector(".box")).display), "block", "the style applies");
});

check("A hundred navigations leave no connection, no node and no wrong thread behind.", async ({ page, open, browser }) => {
  const address = page({ spa: 1 });
  const at = (number) => `${address}&at=${number}`;
  for (const number of [0, 1]) await thread(at(number), 3 + number);
  const reader = await open(at(0));
  await reader.shows("end 2");
  const devtools = await reader.context.newCDPSession(reader.page);
  const measure = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  await devtools.send("Performance.enable");
  const go = async (number) => {
    await reader.page.evaluate((to) => {
      history.pushState(null, "", to);
      const old = document.querySelector("parlour-comments");
      old.replaceWith(document.createElement("parlour-comments"));
    }, at(number));
    await untilThread(reader, (root, wanted) => root.querySelector(".count")?.textContent === `${wanted} comments`, 3 + (number % 2));
  };
  for (let number = 1; number <= 20; number++) await go(number % 2);
  await reader.page.locator("parlour-comments .writing textarea").fill("a draft of the first page");
  await reader.page.getByRole("textbox", { name: "Name" }).waitFor();
  await reader.page.locator("parlour-comments .writing textarea").pressSequentially("!");
  // What stands for a thread of before, and the parts for writing, is there from now on.
  for (let number = 21; number <= 40; number++) await go(number % 2);
  const before = await measure();
  for (let number = 41; number <= 100; number++) await go(number % 2);
  const after = await measure();
  for (const name of ["Nodes", "JSEventListeners"]) assert.ok(after[name] <= before[name] * 1.05 + 20, `${name}: ${before[name]}, then ${after[name]}`);
  await untilThread(reader, (root) => root.querySelector("textarea")?.value === "a draft of the first page!");
  assert.equal(new Set(reader.wire.filter(({ where }) => where.startsWith("ws:")).map(({ where }) => where)).size, 1);
  assert.ok(browser.isConnected());
});

check("The plain example works as it stands.", async ({ open }) => {
  const text = readFileSync(new URL("../../examples/plain/index.html", import.meta.url), "utf8");
  const address = `${await site({ "/plain": text.replaceAll("https://talk.example.org", server) })}/plain`;
  const [one, two] = [await open(address), await open(address)];
  await one.write("from a plain page", { name: "Ann" });
  await two.shows("from a plain page");
  await two.page.locator("parlour-count", { hasText: "1" }).waitFor();
  await two.page.locator("parlour-chat").getByRole("textbox", { name: "Message" }).fill("and a line");
  await two.page.keyboard.press("Enter");
  await one.page.locator("parlour-chat .message", { hasText: "and a line" }).waitFor();
});

check("Nothing is asked of any other origin.", async ({ page, open }) => {
  const address = page();
  const reader = await open(address);
  await reader.write("look ![a picture](https://elsewhere.example/a.png) here", { name: "Ann", reads: "look" });
  await reader.page.reload();
  await reader.shows("look");
  const asked = new Set((await reader.everything()).map(({ where }) => new URL(where.replace(/^ws/, "http")).origin));
  assert.deepEqual([...asked].sort(), [new URL(server).origin, new URL(address).origin].sort());
});

check("Nodes and heap do not grow with events.", async ({ page, open }) => {
  const address = page();
  const made = await thread(address, 20);
  const { channel } = made[0].comment;
  const { reader, say } = await openTold(open, address, '"recoverable"');
  await reader.page.evaluate(() => scrollTo({ top: 900, behavior: "instant" }));
  const devtools = await reader.context.newCDPSession(reader.page);
  await devtools.send("Performance.enable");
  const measure = async () => {
    for (let time = 0; time < 3; time++) await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  const template = made[19].comment;
  const top = Number((await (await fetch(`${server}/v1/channels/${encodeURIComponent(channel)}/comments`)).json()).position.split(":")[1]);
  const event = (name, data, offset) => JSON.stringify({ push: { channel, pub: { data, offset, tags: { event: name } } } });
  /** Made, edited, voted on, taken back; what others write. */
  const tell = async (from, to) => {
    for (let number = from; number < to; number += 4) {
      const id = `cz${number}`;
      const comment = { ...template, id, root: id, body: `Event ${number}`, html: `<p>Event ${number}</p>`, created: new Date(Date.now() + number).toISOString() };
      const frames = [["comment.created", comment], ["comment.updated", { ...template, html: `<p>Edited ${number}</p>`, edited: comment.created }], ["reaction", { id: template.id, reactions: { up: number } }], number % 8 ? ["comment.deleted", { id, root: id, parent: null, tombstone: false }] : ["thread.updated", { closed: false }]];
      say(frames.map(([name, data], index) => event(name, data, top + number + index + 1)).join("\n"));
    }
    await untilThread(reader, (root, last) => root.textContent.includes(`Edited ${last}`), to - 4);
  };
  await tell(0, 600);
  const second = await measure();
  await tell(600, 3000);
  const last = await measure();
  assert.ok(last.Nodes <= second.Nodes * 1.05, `nodes: ${second.Nodes}, then ${last.Nodes}`);
  assert.ok(last.JSHeapUsedSize <= second.JSHeapUsedSize * 1.05, `heap: ${second.JSHeapUsedSize}, then ${last.JSHeapUsedSize}`);
});

check("A thread that the page brought along is taken over without reading it again.", async ({ page, open }) => {
  const address = page();
  const made = await thread(address, 12);
  const { channel, id } = made[2].comment;
  await post(channel, "an answer that was brought", { parent: id });
  const fragment = await (await fetch(`${server}/v1/channels/page/comments.html?fragment&url=${encodeURIComponent(address)}`)).text();
  brought.set(address, fragment);
  // Written after the page was put together: it comes by itself.
  await post(channel, "written since");
  const reader = await open(address);
  await reader.shows("end 11");
  await reader.shows("written since");
  await reader.shows("an answer that was brought");
  assert.equal(await reader.page.locator("parlour-comments h2.count").textContent(), "14 comments");
  assert.equal(await reader.comment("end 2.").locator(":scope > ul.answers article").count(), 1, "answers stand where they belong");
  const lists = reader.wire.filter(({ where }) => /\/comments\?/.test(where));
  assert.deepEqual(lists.map(({ where }) => where), [], "the list was not asked for");
  await reader.comment("end 5").locator("[data-do=menu]").click();
  await reader.page.getByRole("button", { name: "Quote" }).click();
  await untilThread(reader, (root) => root.querySelector("article textarea")?.value.startsWith("> Comment 5"));
  await post(channel, "and then this");
  await reader.shows("and then this");
});
