/**
 * Two browsers on a page of another origin: what is written in one is in the other, where it belongs
 * and without moving what is being read; viewers come and go; a killed server comes back to all of
 * it; and no e-mail address is ever on the wire.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { order, story } from "../../crates/parlour/tests/clients/story.mjs";
import { document, embed, fill, launch, Reader, site } from "./stage.mjs";

const EMAIL = "Ann.Example@Mail.Example.ORG";
const paragraph = (number) => `Comment ${number}: ${"some words to be read, ".repeat(8)}and its end ${number}.`;

/** Scrolls into the middle of the thread and remembers the first comment in view. */
async function startReading({ page }) {
  await page.locator("parlour-comments article").nth(12).evaluate((article) => article.scrollIntoView({ block: "start", behavior: "instant" }));
  await page.mouse.wheel(0, 137);
  await page.evaluate(async () => {
    await new Promise((turn) => requestAnimationFrame(() => requestAnimationFrame(turn)));
    const contents = [...document.querySelector("parlour-comments").shadowRoot.querySelectorAll(".content")];
    window.reading = contents.find((content) => content.getBoundingClientRect().bottom > 0);
    if (scrollY < 500 || !window.reading) throw new Error("nothing was scrolled");
    window.readingTop = window.reading.getBoundingClientRect().top;
  });
}

/** How far the comment that is being read has moved on the screen, in pixels. */
function moved({ page }) {
  return page.evaluate(async () => {
    await new Promise((turn) => requestAnimationFrame(() => requestAnimationFrame(turn)));
    return Math.abs(window.reading.getBoundingClientRect().top - window.readingTop);
  });
}

async function writesAndAnswers(one, two) {
  await startReading(two);
  await two.page.evaluate(() => (window.notReloaded = true));
  await one.write("A comment from the first browser.", { name: "Ann", email: EMAIL });
  await two.page.locator("parlour-comments .pill", { hasText: "1 new comment" }).waitFor();
  assert.ok((await moved(two)) <= 1, `a comment above moved what is read by ${await moved(two)} px`);

  await one.write("An answer from the first browser.", { under: "end 29" });
  const answer = two.comment("end 29").locator(":scope > ul.answers > li > article", { hasText: "An answer from the first browser." });
  await two.comment("end 29").getByRole("button", { name: "1 new reply" }).waitFor();
  assert.ok((await moved(two)) <= 1, `an answer above moved what is read by ${await moved(two)} px`);
  await two.shows("An answer from the first browser.");
  await answer.waitFor();
  await two.shows("A comment from the first browser.");
  await two.write("An answer to the answer.", { under: "An answer from the first browser." });
  await one.shows("An answer to the answer.");
  await one.comment("An answer from the first browser.").locator(":scope > ul.answers > li > article", { hasText: "An answer to the answer." }).waitFor();
  assert.equal(await two.page.evaluate(() => window.notReloaded), true);
}

async function viewersComeAndGo(browser, address, one, two) {
  await Promise.all([one.viewers("2 people are reading"), two.viewers("2 people are reading")]);
  const third = await Reader.open(browser, address);
  await Promise.all([one, two, third].map((reader) => reader.viewers("3 people are reading")));
  await third.close();
  await Promise.all([one.viewers("2 people are reading"), two.viewers("2 people are reading")]);
}

const ids = ({ page }) => page.locator("parlour-comments article").evaluateAll((articles) => articles.map(({ dataset }) => dataset.id).sort());

async function survivesTheServer(one, two) {
  const before = await ids(one);
  assert.deepEqual(await ids(two), before);
  const sockets = [one, two].map(({ page }) => page.waitForEvent("websocket"));
  await order("kill");
  await order("start");
  await Promise.all(sockets);
  await Promise.all([one.viewers("2 people are reading"), two.viewers("2 people are reading")]);
  assert.deepEqual(await ids(one), before);
  assert.deepEqual(await ids(two), before);
  await two.write("After the restart, from the second.", { name: "Bob" });
  await one.shows("After the restart, from the second.");
  await one.write("After the restart, from the first.");
  await two.shows("After the restart, from the first.");
  assert.equal(await two.page.evaluate(() => window.notReloaded), true);
  await two.page.reload();
  await two.shows("An answer to the answer.");
  assert.deepEqual(await ids(two), await ids(one));
}

async function noAddressOnTheWire(readers) {
  const hash = createHash("sha256").update(EMAIL.toLowerCase()).digest("hex");
  const wire = (await Promise.all(readers.map((reader) => reader.everything()))).flat();
  assert.ok(wire.some(({ direction, text }) => direction === "out" && text.includes(hash)), "the hash was sent, so the record is one");
  assert.ok(wire.some(({ where, direction }) => where.startsWith("ws:") && direction === "in"), "frames are recorded");
  for (const { direction, where, text } of wire) {
    assert.ok(!/[\w.+-]+(@|%40)[\w-]+(\.[\w-]+)+/i.test(text), `an address went ${direction} at ${where}: ${text}`);
    assert.ok(!/ann\.example/i.test(text), `part of the address went ${direction} at ${where}`);
    assert.ok(direction === "out" || !text.includes(hash), `the hash came back at ${where}`);
  }
}

story(async () => {
  const address = `${await site({ "/page": document(embed) })}/page`;
  await fill(address, Array.from({ length: 30 }, (_, number) => paragraph(number)), { author: { name: "Old" } });
  const browser = await launch();
  const [one, two] = [await Reader.open(browser, address), await Reader.open(browser, address)];
  for (const reader of [one, two]) await reader.shows("end 29");
  await writesAndAnswers(one, two);
  await viewersComeAndGo(browser, address, one, two);
  await survivesTheServer(one, two);
  await noAddressOnTheWire([one, two]);
  for (const { complaints } of [one, two]) assert.deepEqual(complaints, []);
  await two.close();
  await one.viewers("");
  await browser.close();
});
