/** A chat in two browsers on a page of another origin: lines, typing, who is there, and a killed server in between. */
import assert from "node:assert/strict";
import { order, story } from "../../crates/parlour/tests/clients/story.mjs";
import { document, embed, launch, Reader, site } from "./stage.mjs";

const CHAT = `<parlour-chat channel="launch-party"></parlour-chat>`;

const lines = ({ page }) => page.locator("parlour-chat .message .body").allTextContents();

async function hears({ page }, text) {
  await page.locator("parlour-chat .message", { hasText: text }).waitFor();
}

async function say({ page }, text, name) {
  if (name) await page.locator("parlour-chat").getByLabel("Name").fill(name);
  const field = page.locator("parlour-chat").getByRole("textbox", { name: "Message" });
  await field.fill(text);
  await field.press("Enter");
}

story(async () => {
  const address = `${await site({ "/party": document(embed + CHAT, { title: "A party" }) })}/party`;
  const browser = await launch();
  const [one, two] = [await Reader.open(browser, address), await Reader.open(browser, address)];
  for (const { page } of [one, two]) await page.locator("parlour-chat .viewers", { hasText: "2 here" }).waitFor();
  assert.equal(await one.page.locator("parlour-comments").count(), 0, "a page with an element of its own gets no thread");

  await one.page.locator("parlour-chat").getByLabel("Name").fill("Ann");
  await one.page.locator("parlour-chat").getByRole("textbox", { name: "Message" }).pressSequentially("Hel");
  await two.page.locator("parlour-chat .typing", { hasText: "Ann is typing…" }).waitFor();
  assert.equal(await one.page.locator("parlour-chat .typing").textContent(), "", "nobody is told of themselves");
  await say(one, "Hello, who is there?");
  await hears(two, "Hello, who is there?");
  await two.page.waitForFunction(() => document.querySelector("parlour-chat").shadowRoot.querySelector(".typing").textContent === "");

  await say(two, "Bob is.\nIn two lines", "Bob");
  await hears(one, "Bob is.");
  await order("kill");
  await order("start");
  for (const { page } of [one, two]) await page.locator("parlour-chat .viewers", { hasText: "2 here" }).waitFor();
  await say(one, "Back again.");
  for (const reader of [one, two]) await hears(reader, "Back again.");
  assert.deepEqual(await lines(one), await lines(two));
  assert.equal((await lines(two)).length, 3);
  for (const { complaints } of [one, two]) assert.deepEqual(complaints, []);
  await browser.close();
});
