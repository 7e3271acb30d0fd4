/**
 * A site owner's day, on a telephone's screen: a first visitor's comment waits, appears in the queue by itself, is approved and appears
 * on the open page; an edit and a deletion arrive there; a troll is blocked and all of theirs goes; every view is used; everything is
 * taken back, and the record has it all. Then many wait, and the keyboard is enough.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { server, story } from "../../crates/parlour/tests/clients/story.mjs";
import { document, embed, launch, Reader, site } from "./stage.mjs";

const require = createRequire(new URL("../../crates/parlour/tests/clients/", import.meta.url));
const [pictures, port, token, waiting] = process.argv.slice(4);
const telephone = { viewport: { width: 360, height: 740 } };

const authorized = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
const ask = async (path, body) => (await fetch(`${server}${path}`, { headers: authorized, ...(body && { method: "POST", body: JSON.stringify(body) }) })).json();

const articles = (page) => page.locator("main article");
const says = (page, text) => page.locator("#status", { hasText: text }).waitFor();
const focused = (page) => page.evaluate(() => document.activeElement.closest("article")?.querySelector(".body").textContent.trim() ?? document.activeElement.id);

async function axe(page) {
  await page.addScriptTag({ path: require.resolve("axe-core") }).catch(() => {});
  return page.evaluate(async () => (await globalThis.axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`));
}

function solve(challenge) {
  const bits = Number(challenge.split(".")[2]);
  for (let number = 0; ; number++) {
    const text = `${challenge}:${number}`;
    if (Math.clz32(createHash("sha256").update(text).digest().readUInt32BE()) >= bits) return text;
  }
}

/** One more guest's comment that waits; where the site asks for work first, it is done, as the widget does it by itself. */
async function wait(address, body) {
  const post = (more, headers = {}) => fetch(`${server}/v1/channels/page/comments?url=${encodeURIComponent(address)}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ body, page: { url: address }, ...more }),
  });
  const first = await post({});
  if (first.status === 201) return;
  assert.equal((await first.json()).type, "proof-required");
  const { token: guest } = await ask("/v1/guests", {});
  const as = { Authorization: `Bearer ${guest}` };
  const asked = await (await post({}, as)).json();
  assert.equal((await post({ proof: solve(asked.challenge) }, as)).status, 201);
}

/** The author of a comment changes it on the page. */
async function edit(reader, from, to) {
  await reader.comment(from).locator(":scope > .content [data-do=edit]").click();
  const form = reader.page.locator("parlour-comments article form");
  await form.locator("textarea").fill(to);
  await form.locator("button[type=submit]").click();
  await reader.shows(to);
}

/** Takes back everything that the record has, the newest first, by its buttons. */
async function takeAllBack(page) {
  await page.locator("main").focus();
  await page.keyboard.press("7");
  await page.getByRole("heading", { name: "What was done" }).waitFor();
  const rows = page.locator("main tbody tr").filter({ has: page.locator("button", { hasText: "Undo" }) });
  for (;;) {
    const acts = await rows.locator("td:nth-child(3)").allTextContents();
    const next = acts.findIndex((act) => act !== "undo");
    if (next < 0) return;
    await rows.nth(next).locator("button").click();
    await says(page, `Taken back: ${acts[next]}`);
    await page.waitForFunction((left) => [...document.querySelectorAll("main td button")].length < left, acts.length);
  }
}

story(async () => {
  const address = `${await site({ "/post": document(embed) }, Number(port))}/post`;
  const browser = await launch();
  const reader = await Reader.open(browser, address);
  const visitor = await Reader.open(browser, address);
  const troll = await Reader.open(browser, address);
  const admin = await browser.newContext({ ...telephone, bypassCSP: false });
  const page = await admin.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(`${server}/admin#token=${token}`);
  await page.getByText("Nothing here.").waitFor();
  assert.equal(new URL(page.url()).hash, "", "no history keeps the token");

  await visitor.write("A first thought", { name: "Vera" });
  await articles(page).filter({ hasText: "A first thought" }).waitFor();
  assert.equal(await reader.comment("A first thought").count(), 0);
  await page.keyboard.press("j");
  assert.equal(await focused(page), "A first thought");
  await page.keyboard.press("a");
  await says(page, "Approved");
  await reader.shows("A first thought");

  // She is known now: what she writes is shown at once, and her edits and deletions arrive as they happen.
  await edit(visitor, "A first thought", "A second thought");
  await reader.shows("A second thought");
  assert.equal(await reader.comment("A first thought").count(), 0);
  await visitor.write("Said in haste");
  await reader.shows("Said in haste");
  const remove = visitor.comment("Said in haste").locator(":scope > .content [data-do=delete]");
  await remove.click();
  await remove.click();
  await reader.comment("Said in haste").waitFor({ state: "detached" });

  await troll.write("Trolling one", { name: "Troll" });
  await articles(page).filter({ hasText: "Trolling one" }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("t");
  await says(page, "Approved, and trusted from now on");
  await troll.write("Trolling two");
  await reader.shows("Trolling two");
  await page.keyboard.press("/");
  await page.keyboard.type("trolling");
  await page.keyboard.press("Enter");
  await articles(page).nth(1).waitFor();
  await articles(page).first().focus();
  await page.keyboard.press("b");
  await says(page, "Blocked Troll");
  for (const text of ["Trolling one", "Trolling two"]) await reader.comment(text).waitFor({ state: "detached" });
  await reader.shows("A second thought");

  await page.locator("main").focus();
  await page.keyboard.press("u");
  await says(page, "Taken back");
  for (const text of ["Trolling one", "Trolling two"]) await reader.shows(text);

  // A shadow is seen by who wrote it, with its count and the answer below it, and by nobody else.
  const { comments: two } = await ask("/v1/moderation/comments?words=trolling%20two");
  const { record } = await ask("/v1/moderation/orders", { act: "shadow", ids: [two[0].comment.id] });
  await reader.comment("Trolling two").waitFor({ state: "detached" });
  await troll.page.reload();
  await troll.shows("Trolling two");
  await troll.write("Does nobody hear me", { under: "Trolling two" });
  await Promise.all([reader.page.reload(), troll.page.reload()]);
  await reader.shows("Trolling one");
  await troll.shows("Does nobody hear me");
  const counted = async ({ page: window }) => Number.parseInt(await window.locator("parlour-comments h2.count").textContent(), 10);
  assert.deepEqual([await counted(reader), await counted(troll)], [2, 4]);
  for (const text of ["Trolling two", "Does nobody hear me"]) assert.equal(await reader.comment(text).count(), 0);
  await ask(`/v1/moderation/records/${record}/undo`, {});
  await reader.shows("Trolling two");

  // What a moderator edits and takes away goes and comes as it happens too.
  const { comments } = await ask("/v1/moderation/comments?words=second");
  const { id } = comments[0].comment;
  const change = (method, body) => fetch(`${server}/v1/comments/${id}`, { method, headers: authorized, ...(body && { body: JSON.stringify(body) }) });
  assert.equal((await change("PATCH", { body: "A milder thought" })).status, 200);
  await reader.shows("A milder thought");
  assert.equal((await change("DELETE")).status, 204);
  await reader.comment("A milder thought").waitFor({ state: "detached" });

  // Threads, people, rules, channels, the graph.
  const open = async (key, heading) => {
    await page.locator("main").focus();
    await page.keyboard.press(key);
    await page.getByRole("heading", { name: heading, exact: true }).waitFor();
  };
  await open("3", "Threads");
  await page.locator("main tbody tr", { hasText: "A page elsewhere" }).getByRole("button", { name: "Comments" }).click();
  await articles(page).filter({ hasText: "Trolling two" }).waitFor();
  await open("3", "Threads");
  await page.getByRole("button", { name: "Close" }).click();
  await says(page, "Closed");
  await open("4", "People");
  const them = page.locator("main tbody tr", { hasText: "Troll" });
  assert.deepEqual(await them.locator("td").nth(2).allTextContents(), ["2 of 3 shown"]);
  assert.deepEqual(await them.locator("td").nth(1).allTextContents(), ["guest, trusted"]);
  const believed = page.getByRole("region", { name: "Trusted people" }).locator("tr", { hasText: "Troll" });
  await believed.getByRole("button", { name: "Trust no more" }).click();
  await says(page, "What Troll writes waits again");
  await believed.waitFor({ state: "detached" });
  await them.getByRole("button", { name: "Block" }).click();
  await says(page, "blocked for a day");
  await open("4", "People");
  await page.getByRole("region", { name: "Blocked people" }).locator("tr", { hasText: "Troll" }).waitFor();
  await page.locator("main tbody tr", { hasText: "Troll" }).first().getByRole("button", { name: "Comments" }).click();
  await articles(page).nth(2).waitFor();
  assert.equal(await articles(page).count(), 3, "theirs alone");
  await open("5", "Rules");
  await page.getByLabel("Words that make a comment wait").fill("casino");
  assert.equal(await page.getByLabel("Comments that wait for a moderator").isDisabled(), true, "the configuration decides it");
  await page.getByRole("button", { name: "Save" }).click();
  await says(page, "Saved");
  await open("6", "Read now");
  const viewed = page.locator("main tbody tr", { hasText: "A page elsewhere" });
  assert.equal(await viewed.locator("td").nth(1).textContent(), "3 reading", "three windows show it");
  await open("1", "Waiting");
  await page.getByRole("img", { name: /^\d+ comments in 48 hours, [1-9]\d* of them held$/ }).waitFor();

  // Everything is taken back, and the record has everything.
  await takeAllBack(page);
  const done = (await ask("/v1/moderation/records")).records;
  const acts = done.map(({ act }) => act).reverse();
  const orders = ["approve", "trust", "block-all", "undo", "shadow", "undo", "edit", "reject", "close", "untrust", "block", "rules"];
  assert.deepEqual(acts, [...orders, ...Array(8).fill("undo")]);
  assert.ok(done.every(({ act, undone }) => act === "undo" || undone), "nothing is left that was not taken back");
  await reader.shows("Trolling two");
  for (const text of ["A milder thought", "A second thought", "Trolling one"]) assert.equal(await reader.comment(text).count(), 0);
  await open("1", "Waiting");
  for (const text of ["A second thought", "Trolling one"]) await articles(page).filter({ hasText: text }).waitFor();
  assert.deepEqual((await ask("/v1/moderation/rules")).rules.words, []);
  assert.deepEqual((await ask("/v1/moderation/blocks")).blocks, []);
  assert.deepEqual((await ask("/v1/moderation/trusted")).trusted, []);

  // Many wait. While the first of them is being fetched, the others come.
  let came;
  const all = new Promise((resolve) => (came = resolve));
  const held = async (route) => (await all, await route.continue());
  await page.route("**/v1/moderation/comments/*", held);
  for (let begun = 0; begun < Number(waiting); begun += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, number) => wait(address, `waiting ${begun + number}`)));
  }
  came();
  // So many at once wait behind a button; the focus stays where it was.
  await page.getByRole("button", { name: "More came" }).waitFor();
  await page.unroute("**/v1/moderation/comments/*", held);
  await page.keyboard.press("n");
  await articles(page).filter({ hasText: /waiting \d/ }).first().waitFor();
  const { waiting: inQueue } = await ask("/v1/moderation/comments?state=pending");
  assert.ok(inQueue >= Number(waiting));
  await page.getByText(`${inQueue} waiting`).waitFor();
  for (let number = 0; number < 60; number++) await page.keyboard.press("j");
  await page.waitForFunction(() => document.querySelectorAll("main article").length > 60);
  const before = await focused(page);
  await page.keyboard.press("r");
  await says(page, "Rejected");
  const after = await focused(page);
  assert.ok(after.startsWith("waiting") && after !== before, `the focus is on the next: ${after}`);
  await page.getByText(`${inQueue - 1} waiting`).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, "nothing is wider than the screen");
  await page.screenshot({ path: join(pictures, "admin-queue.png") });
  for (const [key, heading] of [["2", "Search"], ["3", "Threads"], ["4", "People"], ["5", "Rules"], ["6", "Read now"], ["7", "What was done"]]) {
    await page.keyboard.press(key);
    await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `${heading} fits`);
    await page.screenshot({ path: join(pictures, `admin-${key}.png`) });
    await page.locator("main").focus();
  }
  assert.deepEqual(errors, []);

  for (const colorScheme of ["light", "dark"]) {
    const looked = await browser.newContext({ ...telephone, bypassCSP: true, colorScheme });
    const beside = await looked.newPage();
    await beside.goto(`${server}/admin#token=${token}`);
    await articles(beside).first().waitFor();
    for (const key of ["1", "2", "3", "4", "5", "6", "7"]) {
      await beside.locator("main").focus();
      await beside.keyboard.press(key);
      await beside.locator("main h2").first().waitFor();
      assert.deepEqual(await axe(beside), [], `axe, view ${key}, ${colorScheme}`);
    }
    await looked.close();
  }
  await browser.close();
});
