/**
 * The demo page at `/`: works in two browsers, with everything on it; and pictures of it and of a bare
 * page, in light and dark, for people to look at. Its third argument is where the pictures go.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { server, story } from "../../crates/parlour/tests/clients/story.mjs";
import { document, embed, launch, Reader, site } from "./stage.mjs";

const pictures = process.argv[4];

async function chat({ page }, name, text) {
  await page.locator("parlour-chat").getByLabel("Name").fill(name);
  await page.locator("parlour-chat").getByRole("textbox", { name: "Message" }).fill(text);
  await page.locator("parlour-chat").getByRole("textbox", { name: "Message" }).press("Enter");
  await page.locator("parlour-chat .message", { hasText: text }).waitFor();
}

/** A conversation worth a picture. */
async function converse(one, two) {
  const question = "Does it stay where I am when others write?";
  await one.write(`The thread came up **before** I had finished reading the page. ${question}`, { name: "Ada", reads: question });
  const answer = "It does: the line you read stays under your eyes. Quotes and `code` work, too.\n\n> what anyone writes is on everyone’s screen at once";
  await two.write(answer, { name: "Grace", under: question, reads: "the line you read stays" });
  await chat(one, "Ada", "Is this thing on?");
  await chat(two, "Grace", "It is. Hello from the other window!");
  await chat(one, "Ada", "Lovely.");
  await two.page.locator("parlour-chat .message", { hasText: "Lovely." }).waitFor();
  await one.shows("the line you read stays");
}

/** What the README shows: the page down to the end of its thread, while the second reader types. */
async function readmePicture(browser, home, two) {
  const third = await Reader.open(browser, home, { viewport: { width: 1200, height: 1500 } });
  await third.shows("the line you read stays");
  const { y, height } = await third.page.locator("#thread").boundingBox();
  await third.page.setViewportSize({ width: 1200, height: Math.ceil(y + height + 32) });
  await third.page.locator("parlour-chat .viewers", { hasText: "3 here" }).waitFor();
  await third.page.locator("parlour-comments .viewers", { hasText: "3 people" }).waitFor();
  await two.page.locator("parlour-chat").getByRole("textbox", { name: "Message" }).pressSequentially("And");
  await third.page.locator("parlour-chat .typing", { hasText: "Grace is typing…" }).waitFor();
  await third.page.screenshot({ path: join(pictures, "screenshot.png") });
  await third.close();
}

async function picture(browser, address, name, options, shows) {
  const reader = await Reader.open(browser, address, options);
  await shows(reader);
  await reader.page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  const wide = await reader.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.ok(!wide, `${name} is wider than its window`);
  assert.deepEqual(reader.complaints, []);
  await reader.close();
}

story(async () => {
  const bare = `${await site({ "/bare": document(embed) })}/bare`;
  const browser = await launch();
  const home = `${server}/`;
  const [one, two] = [await Reader.open(browser, home), await Reader.open(browser, home)];
  await one.page.getByRole("heading", { level: 1 }).waitFor();
  await one.page.locator("parlour-viewers .viewers", { hasText: "2 people are reading" }).waitFor();
  await converse(one, two);
  await one.page.locator("parlour-count", { hasText: "2" }).waitFor();
  await readmePicture(browser, home, two);
  const other = "I stopped the server and started it again, and nothing was missing. [Try it](https://example.org/)";
  await two.write(other, { name: "Grace", reads: "nothing was missing" });
  await one.shows("nothing was missing");
  const texts = await one.page.locator("[data-origin]").allTextContents();
  assert.ok(texts.every((text) => text === new URL(server).origin));
  await one.page.locator("#theme").click();
  await one.page.locator("#theme", { hasText: "Theme: light" }).waitFor();
  for (const { complaints } of [one, two]) assert.deepEqual(complaints, []);

  const away = [await Reader.open(browser, bare), await Reader.open(browser, bare)];
  await away[0].write("On a bare page of another origin it looks like a part of that page.", { name: "Ada" });
  await away[1].write("So it does.\n\n```\nlet it = be;\n```", { name: "Grace", under: "On a bare page", reads: "So it does." });
  const thread = (reader) => reader.shows("nothing was missing");
  const answers = (reader) => reader.shows("So it does.");
  for (const colorScheme of ["light", "dark"]) {
    await picture(browser, home, `demo-${colorScheme}`, { colorScheme, viewport: { width: 1200, height: 900 } }, thread);
    await picture(browser, home, `demo-narrow-${colorScheme}`, { colorScheme, viewport: { width: 390, height: 800 } }, thread);
    await picture(browser, bare, `bare-${colorScheme}`, { colorScheme, viewport: { width: 900, height: 800 } }, answers);
  }
  await browser.close();
});
