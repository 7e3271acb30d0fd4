/** Checks of writing: what is on its way, what is kept, what helps. */
import assert from "node:assert/strict";
import { order, until } from "../../crates/parlour/tests/clients/story.mjs";
import { check, doUntil, inThread, post, stored, thread, untilThread } from "./checks.mjs";
import { fill } from "./stage.mjs";

const main = ({ page }) => page.locator("parlour-comments .writing form");
const texts = (comments) => comments.map(({ body }) => body);

/** Types into the form above the thread and sends it; does not wait for more. */
async function send(reader, body) {
  await main(reader).locator("textarea").fill(body);
  await main(reader).locator("button.primary").click();
  await untilThread(reader, (root, wanted) => [...root.querySelectorAll("article > .content > .body")].some((shown) => shown.textContent.includes(wanted)), body);
}

check("What one sends is shown at once and becomes the server's comment in the same element.", async ({ page, open }) => {
  const address = page();
  const reader = await open(address);
  await send(reader, "the first, so that there is a guest");
  await reader.page.locator("article[data-state=approved]").waitFor();
  let pass;
  const held = new Promise((resolve) => (pass = resolve));
  await reader.page.route("**/comments", async (route) => {
    if (route.request().method() === "POST") await held;
    await route.continue();
  });
  await send(reader, "the second");
  await inThread(reader, (root) => (root.querySelector("article[data-state=sending]").mark = true));
  pass();
  await untilThread(reader, (root) => root.querySelector("article[data-state=approved] + article"));
  await untilThread(reader, (root) => [...root.querySelectorAll("article[data-state=approved]")].some((article) => article.mark));
  assert.equal(await reader.page.locator("parlour-comments article").count(), 2);
  assert.ok((await inThread(reader, (root) => [...root.querySelectorAll("article")].find((article) => article.mark).id)).startsWith("parlour-c"));
});

const MINUTE_MS = 60_000;
/** Whether a minute passes, and not only on the page's clock: `cargo xtask long offline`. */
const isRealMinute = process.argv.includes("minute");

async function writesTwoWhileAway(page, open, away, back) {
  const address = page({ line: 1 });
  const reader = await open(address, { before: (tab) => isRealMinute || tab.clock.install() });
  await send(reader, "before");
  await untilThread(reader, (root) => root.querySelector("article[data-state=approved]"));
  await away();
  const away_ms = Date.now();
  await send(reader, "one of two");
  await reader.page.locator("article[data-state=waiting]").first().waitFor();
  await send(reader, "two of two");
  if (isRealMinute) await until(() => Date.now() - away_ms >= MINUTE_MS, "a minute to pass", 2 * MINUTE_MS);
  await back(address);
  const back_ms = Date.now();
  if (!isRealMinute) {
    await reader.page.clock.fastForward(MINUTE_MS);
    await reader.page.clock.resume();
  }
  await untilThread(reader, (root) => root.querySelectorAll("article[data-state=approved]").length >= 3 && !root.querySelector("article[data-state=waiting], article[data-state=sending]"));
  await reader.page.evaluate(() => dispatchEvent(new Event("online")));
  await reader.shows("of another");
  assert.deepEqual(texts(await stored(address)).sort(), ["before", "of another", "one of two", "two of two"]);
  const shown = await reader.page.locator("parlour-comments article > .content > .body").allTextContents();
  assert.deepEqual(shown.map((text) => text.trim()), texts(await stored(address)).reverse());
  assert.ok(shown.findIndex((text) => text.includes("two of")) < shown.findIndex((text) => text.includes("one of")));
  const seconds = (from_ms, to_ms) => ((to_ms - from_ms) / 1000).toFixed(1);
  if (isRealMinute) console.log(`| away for ${seconds(away_ms, back_ms)} s | both posted once, in order, and all others' shown after ${seconds(back_ms, Date.now())} s |`);
}

check("Two comments written offline are posted once, in order, with what others wrote.", ({ page, open }) =>
  writesTwoWhileAway(page, open, () => order("down"), async (address) => {
    await fill(address, ["of another"]);
    await order("up");
  }));

check("Two comments written while the server is killed are posted once, in order.", ({ page, open }) =>
  writesTwoWhileAway(page, open, () => order("kill"), async (address) => {
    await order("start");
    await fill(address, ["of another"]);
  }));

check("What failed can be sent again, edited, copied or discarded.", async ({ page, open }) => {
  const reader = await open(page());
  let refuses = true;
  await reader.page.route("**/comments", (route) => {
    if (route.request().method() !== "POST" || !refuses) return route.continue();
    const headers = { "Content-Type": "application/problem+json", "Access-Control-Allow-Origin": "*" };
    return route.fulfill({ status: 422, headers, body: JSON.stringify({ type: "body-too-long", title: "Too long by far" }) });
  });
  await send(reader, "refused at first");
  const article = reader.page.locator("parlour-comments article");
  await article.getByText("Not posted. That did not work: Too long by far").waitFor();
  await article.getByRole("button", { name: "Edit again" }).click();
  await untilThread(reader, (root) => root.querySelector(".writing textarea").value === "refused at first");
  await main(reader).locator("button.primary").click();
  await article.getByRole("button", { name: "Discard" }).click();
  await article.waitFor({ state: "detached" });
  await send(reader, "and again");
  await article.getByRole("button", { name: "Copy" }).waitFor();
  refuses = false;
  await article.getByRole("button", { name: "Try again" }).click();
  await untilThread(reader, (root) => root.querySelector("article[data-state=approved]"));
});

check("A draft is kept for each page and each comment that is answered.", async ({ page, open }) => {
  // Also what is typed before the part that keeps it has come.
  let pass;
  const held = new Promise((resolve) => (pass = resolve));
  const early = await open(page(), { before: (tab) => tab.route("**/sending-*.js", async (route) => (await held, await route.continue())) });
  await main(early).locator("textarea").fill("typed at once");
  pass();
  await early.page.waitForFunction(() => localStorage.getItem("parlour:drafts")?.includes("typed at once"));
  const [address, other] = [page(), page()];
  await thread(address, 1);
  const reader = await open(address);
  await reader.shows("end 0");
  await main(reader).locator("textarea").fill("half a thought");
  await reader.page.getByRole("textbox", { name: "Name" }).waitFor();
  await main(reader).locator("textarea").pressSequentially(", and more");
  await reader.comment("end 0").locator("[data-do=reply]").click();
  await reader.comment("end 0").locator("textarea").pressSequentially("half an answer");
  await reader.page.goto(other);
  await main(reader).waitFor();
  await main(reader).locator("textarea").focus();
  await reader.page.getByRole("textbox", { name: "Name" }).waitFor();
  assert.equal(await main(reader).locator("textarea").inputValue(), "");
  await reader.page.goto(address);
  await untilThread(reader, (root) => root.querySelector("textarea")?.value === "half a thought, and more");
  await reader.comment("end 0").locator("[data-do=reply]").click();
  await untilThread(reader, (root) => root.querySelector("article textarea")?.value === "half an answer");
});

check("Selecting a text and pressing Reply quotes it.", async ({ page, open }) => {
  const address = page();
  await fill(address, ["first words\n\nthe words that matter"]);
  const reader = await open(address);
  await reader.shows("the words that matter");
  await reader.page.locator("parlour-comments .body p", { hasText: "matter" }).selectText();
  await reader.page.locator("parlour-comments [data-do=reply]").click();
  await untilThread(reader, (root) => root.querySelector("article textarea")?.value === "> the words that matter\n\n");
});

check("Bold, italic, link, quote and code are buttons, and can be undone.", async ({ page, open }) => {
  const reader = await open(page());
  const field = main(reader).locator("textarea");
  await field.fill("word");
  await reader.page.locator("parlour-comments [data-mark=bold]").waitFor();
  for (const [mark, result] of [["bold", "**word**"], ["italic", "*word*"], ["link", "[word](https://)"], ["quote", "> word"], ["code", "`word`"]]) {
    await field.fill("word");
    await field.selectText();
    await reader.page.locator(`parlour-comments [data-mark=${mark}]`).click();
    assert.equal(await field.inputValue(), result);
    await reader.page.keyboard.press("Control+z");
    assert.equal(await field.inputValue(), "word", `${mark} is undone`);
  }
  await field.selectText();
  await reader.page.keyboard.press("Control+b");
  assert.equal(await field.inputValue(), "**word**");
});

check("The preview shows what the server will show.", async ({ page, open }) => {
  const reader = await open(page());
  await main(reader).locator("textarea").fill("some **bold** words");
  const preview = main(reader).getByRole("button", { name: "Preview" });
  await preview.click();
  await reader.page.locator("parlour-comments .preview strong", { hasText: "bold" }).waitFor();
  await preview.click();
  assert.ok(await main(reader).locator("textarea").isVisible());
});

check("Everything can be done from the keyboard.", async ({ page, open }) => {
  const address = page();
  await thread(address, 3);
  const reader = await open(address);
  const { keyboard } = reader.page;
  const focused = () => inThread(reader, (root) => root.activeElement?.dataset.id ?? root.activeElement?.localName);
  await reader.shows("end 2");
  await keyboard.press("Tab");
  assert.equal(await focused(), "textarea");
  await keyboard.type("from the keyboard");
  await reader.page.getByRole("textbox", { name: "Name" }).waitFor();
  await keyboard.press("Control+Enter");
  await reader.shows("from the keyboard");
  await untilThread(reader, (root) => root.querySelectorAll("article[data-state=approved]").length === 4);
  for (let presses = 0; (await focused()) === "textarea" || !/^c/.test(await focused()); presses++) {
    assert.ok(presses < 20, "Tab leads to the comments");
    await keyboard.press("Tab");
  }
  const first = await focused();
  await keyboard.press("j");
  await untilThread(reader, (root, before) => root.activeElement.dataset.id !== before, first);
  await keyboard.press("r");
  await untilThread(reader, (root) => root.activeElement.matches("article textarea"));
  await keyboard.type("an answer by key");
  await keyboard.press("Control+Enter");
  await reader.shows("an answer by key");
  await untilThread(reader, (root) => !root.querySelector("article textarea"));
  await keyboard.press("k");
  await untilThread(reader, (root, before) => root.activeElement.dataset.id === before, first);
  await keyboard.press("?");
  await reader.page.locator("parlour-comments dialog").waitFor();
  await keyboard.press("Escape");
  await untilThread(reader, (root) => root.activeElement?.matches("article"));
});

check("Keys work only inside the thread and outside of fields.", async ({ page, open }) => {
  const address = page();
  await thread(address, 2);
  const reader = await open(address);
  await reader.shows("end 1");
  await reader.page.keyboard.press("j");
  assert.equal(await inThread(reader, (root) => root.activeElement), null);
  await main(reader).locator("textarea").focus();
  await reader.page.keyboard.type("jkr?");
  assert.equal(await main(reader).locator("textarea").inputValue(), "jkr?");
});

check("Escape closes a form and the focus is back on its button.", async ({ page, open }) => {
  const address = page();
  await thread(address, 1);
  const reader = await open(address);
  await reader.comment("end 0").locator("[data-do=reply]").click();
  await reader.comment("end 0").locator("textarea").waitFor();
  await reader.page.keyboard.press("Escape");
  assert.equal(await inThread(reader, (root) => root.activeElement.dataset.do), "reply");
});

check("The focus is never lost when a comment goes away.", async ({ page, open }) => {
  const address = page();
  await thread(address, 2);
  const [{ comment }] = await fill(address, ["soon gone"]);
  const { token, comment: mine } = await post(comment.channel, "gone as well");
  const reader = await open(address);
  await reader.comment("gone as well").evaluate((article) => article.focus());
  const headers = { Authorization: `Bearer ${token}` };
  const { server } = await import("../../crates/parlour/tests/clients/story.mjs");
  await fetch(`${server}/v1/comments/${mine.id}`, { method: "DELETE", headers });
  await reader.comment("gone as well").waitFor({ state: "detached" });
  await doUntil(reader, (root) => root.querySelectorAll("article").length === 3);
  assert.equal(await inThread(reader, (root) => root.activeElement.querySelector(".body").textContent.trim()), "soon gone");
});
