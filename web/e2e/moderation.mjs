/**
 * A site owner's day, on a telephone's screen: a first visitor's comment waits, appears in the queue by itself, is approved and appears
 * on the open page; a troll is blocked and all of theirs goes; everything is taken back. Then ten thousand wait, and the keyboard is enough.
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

/** One more guest's comment that waits; the widget does the same by itself. */
async function wait(address, body) {
  const { token: guest } = await ask("/v1/guests", {});
  const post = (more) => fetch(`${server}/v1/channels/page/comments?url=${encodeURIComponent(address)}`, {
    method: "POST",
    headers: { ...authorized, Authorization: `Bearer ${guest}` },
    body: JSON.stringify({ body, page: { url: address }, ...more }),
  });
  const asked = await (await post({})).json();
  assert.equal(asked.type, "proof-required");
  assert.equal((await post({ proof: solve(asked.challenge) })).status, 201);
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

  await troll.write("Trolling one", { name: "Troll" });
  await articles(page).filter({ hasText: "Trolling one" }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("a");
  await says(page, "Approved");
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
  await reader.shows("A first thought");

  await page.locator("main").focus();
  await page.keyboard.press("u");
  await says(page, "Taken back");
  for (const text of ["Trolling one", "Trolling two"]) await reader.shows(text);

  await page.keyboard.press("6");
  await page.locator("td", { hasText: "block-all" }).first().waitFor();
  const acts = (await ask("/v1/moderation/records")).records.map(({ act }) => act);
  assert.deepEqual(acts.filter((act) => act !== "reject"), ["undo", "block-all", "approve", "approve"]);

  // Many wait.
  for (let begun = 0; begun < Number(waiting); begun += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, number) => wait(address, `waiting ${begun + number}`)));
  }
  await page.keyboard.press("1");
  await page.getByText(`${waiting} waiting`).waitFor();
  for (let number = 0; number < 60; number++) await page.keyboard.press("j");
  await page.waitForFunction(() => document.querySelectorAll("main article").length > 60);
  const before = await focused(page);
  await page.keyboard.press("r");
  await says(page, "Rejected");
  const after = await focused(page);
  assert.ok(after.startsWith("waiting") && after !== before, `the focus is on the next: ${after}`);
  await page.getByText(`${waiting - 1} waiting`).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, "nothing is wider than the screen");
  await page.screenshot({ path: join(pictures, "admin-queue.png") });
  for (const [key, heading] of [["2", "Search"], ["3", "Blocked"], ["4", "Rules"], ["5", "Read now"], ["6", "What was done"]]) {
    await page.keyboard.press(key);
    await page.getByRole("heading", { name: heading }).waitFor();
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
    for (const key of ["1", "2", "3", "4", "5", "6"]) {
      await beside.locator("main").focus();
      await beside.keyboard.press(key);
      await beside.locator("main h2").waitFor();
      assert.deepEqual(await axe(beside), [], `axe, view ${key}, ${colorScheme}`);
    }
    await looked.close();
  }
  await browser.close();
});
