/** Checks of reading: what arrives, what moves, what is kept, where links lead. */
import assert from "node:assert/strict";
import { check, inThread, moved, openAnswered, post, readMiddle, stored, thread, untilThread } from "./checks.mjs";
import { fill } from "./stage.mjs";

const pillSays = (reader, text) => untilThread(reader, (root, wanted) => { const pill = root.querySelector(".pill"); return !pill.hidden && pill.textContent === wanted; }, text);
const bodies = (reader) => reader.page.locator("parlour-comments article > .content > .body").allTextContents();

check("A new comment waits behind a pill and moves nothing.", async ({ page, open }) => {
  const address = page();
  await thread(address, 20);
  const reader = await open(address);
  await reader.shows("end 19");
  await readMiddle(reader, 8);
  await fill(address, ["fresh one"]);
  await pillSays(reader, "1 new comment");
  assert.ok(!(await bodies(reader)).some((text) => text.includes("fresh one")));
  assert.ok((await moved(reader)) <= 1);
});

check("A new answer waits behind a button under what it answers.", async ({ page, open }) => {
  const address = page();
  const [{ comment }] = (await thread(address, 12)).slice(6);
  const reader = await open(address);
  await reader.comment("end 6").evaluate((article) => article.scrollIntoView({ block: "center" }));
  await post(comment.channel, "first answer", { parent: comment.id });
  await post(comment.channel, "second answer", { parent: comment.id });
  const news = reader.comment("end 6").getByRole("button", { name: "2 new replies" });
  await news.waitFor();
  assert.equal(await reader.comment("end 6").locator("article").count(), 0);
  await news.click();
  await reader.comment("first answer").waitFor();
  await untilThread(reader, (root) => root.activeElement?.matches("article article"));
  assert.equal(await inThread(reader, (root) => root.activeElement.querySelector(".body").textContent.trim()), "first answer");
});

check("Fifty comments above, below and under what is read move it by at most a pixel, in each sort.", async ({ page, open }) => {
  for (const sort of ["newest", "oldest", "best"]) {
    const address = page({ sort });
    const made = await thread(address, 24);
    const reader = await open(address);
    await reader.shows("end 12");
    await readMiddle(reader, 12);
    const { channel } = made[0].comment;
    for (let number = 0; number < 50; number++) {
      const parent = number % 2 ? made[number % 24].comment.id : undefined;
      await post(channel, `Arrival ${number} ${"word ".repeat(number % 40)}`, parent ? { parent } : {});
    }
    await untilThread(reader, (root) => root.querySelector(".count").textContent === "74 comments");
    assert.ok((await moved(reader)) <= 1, `${sort}: ${await moved(reader)} px`);
    await reader.close();
  }
});

check("At the end of a thread that shows the oldest first, new comments are shown at once.", async ({ page, open }) => {
  const address = page({ sort: "oldest" });
  await thread(address, 12);
  const reader = await open(address);
  await reader.shows("end 11");
  await reader.page.evaluate(() => scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" }));
  await fill(address, ["at the end"]);
  await reader.comment("at the end").waitFor();
  assert.equal((await bodies(reader)).at(-1).trim(), "at the end");
});

check("The pill leads to what is new and gives it the focus.", async ({ page, open }) => {
  const address = page();
  await thread(address, 15);
  const reader = await open(address);
  await reader.shows("end 14");
  await readMiddle(reader, 8);
  await fill(address, ["new one", "newer one"]);
  await pillSays(reader, "2 new comments");
  await reader.page.locator("parlour-comments .pill").click();
  await untilThread(reader, (root) => root.activeElement?.localName === "article");
  assert.equal(await inThread(reader, (root) => root.activeElement.querySelector(".body").textContent.trim()), "newer one");
  assert.ok(await inThread(reader, (root) => { const { top, bottom } = root.activeElement.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; }));
  assert.ok(await inThread(reader, (root) => root.querySelector(".pill").hidden));
});

check("What is new since the last visit is marked, for those whom the browser remembers.", async ({ page, open }) => {
  const address = page();
  await thread(address, 3);
  const reader = await open(address);
  await reader.write("I was here", { name: "Ann" });
  await reader.page.reload();
  await reader.shows("I was here");
  await reader.page.goto(page());
  await fill(address, ["since then"]);
  await reader.page.goto(address);
  await reader.shows("since then");
  await untilThread(reader, (root) => root.querySelector("article[data-unread]"));
  assert.deepEqual(await inThread(reader, (root) => [...root.querySelectorAll("article[data-unread] .body")].map((body) => body.textContent.trim())), ["since then"]);
  assert.equal(await inThread(reader, (root) => root.querySelector(".since").previousElementSibling.querySelector(".body").textContent.trim()), "since then");
});

check("Reading stores nothing.", async ({ page, open }) => {
  const address = page();
  await thread(address, 5);
  const reader = await open(address);
  await reader.shows("end 4");
  await reader.comment("end 2").locator(".fold, [data-do=menu]").first().click();
  await reader.page.mouse.wheel(0, 400);
  assert.deepEqual(await reader.page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]), [0, 0, ""]);
  assert.deepEqual(await reader.context.cookies(), []);
});

check("The line about readers says how many there are, from two on.", async ({ page, open }) => {
  const address = page();
  const one = await open(address);
  await one.viewers("");
  const two = await open(address);
  await Promise.all([one, two].map((reader) => reader.viewers("2 people are reading")));
});

check("A branch can be folded and says how much is in it.", async ({ page, open }) => {
  const reader = await openAnswered(page, open, 2);
  await reader.comment("end 0").first().locator(":scope > .content .fold").click();
  await untilThread(reader, (root) => root.querySelector("article[data-folded] .fold")?.textContent === "+ 1 reply");
  assert.ok(!(await reader.page.locator("parlour-comments .body", { hasText: "an answer" }).isVisible()));
  await reader.page.keyboard.press("Enter");
  await reader.shows("an answer");
});

check("A long branch is cut, and goes on when it is asked for, with the focus on what came.", async ({ page, open }) => {
  const address = page();
  const [{ comment }] = await thread(address, 1);
  for (let number = 0; number < 14; number++) await post(comment.channel, `answer ${number} of many`, { parent: comment.id });
  const reader = await open(address);
  await reader.shows("answer 9 of many");
  assert.equal(await reader.page.locator("parlour-comments article article").count(), 10);
  await reader.page.getByRole("button", { name: "More replies" }).click();
  await reader.comment("answer 13 of many").first().waitFor();
  assert.equal(await reader.page.locator("parlour-comments article article").count(), 14);
  assert.equal(await reader.page.getByRole("button", { name: "More replies" }).count(), 0);
  assert.equal(await inThread(reader, (root) => root.activeElement.querySelector(".body").textContent.trim()), "answer 10 of many");
});

check("A person can be hidden for oneself, and shown again.", async ({ page, open }) => {
  const address = page();
  await thread(address, 1);
  await fill(address, ["what a bore says"], { author: { name: "Bore" } });
  const reader = await open(address);
  await reader.comment("what a bore says").locator("[data-do=menu]").click();
  await reader.page.getByRole("button", { name: "Hide this person" }).click();
  await untilThread(reader, (root) => !root.textContent.includes("what a bore says"));
  await reader.page.reload();
  await reader.shows("end 0");
  assert.ok(!(await bodies(reader)).some((text) => text.includes("bore")));
  await reader.page.locator("parlour-comments [data-do=unhide]").click();
  await reader.shows("what a bore says");
});

check("A permalink leads to its comment, wherever in the thread it is.", async ({ page, open }) => {
  const address = page({ limit: 5 });
  const made = await thread(address, 15);
  const { id } = made[1].comment;
  const reader = await open(`${address}#parlour-${id}`);
  await reader.shows("end 1.");
  await untilThread(reader, (root, wanted) => root.querySelector("[data-target]")?.dataset.id === wanted, id);
  await untilThread(reader, (root) => { const { top, bottom } = root.querySelector("[data-target]").getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; });
  await reader.page.evaluate((other) => (location.hash = `#parlour-${other}`), made[14].comment.id);
  await reader.shows("end 14");
});

check("New comments are announced as a number, in one quiet region, and never read out.", async ({ page, open }) => {
  const address = page();
  await thread(address, 3);
  const reader = await open(address);
  await reader.shows("end 2");
  const quiet = "[role=status], [aria-live]:not([aria-live=off])";
  assert.deepEqual(await inThread(reader, (root, what) => [...root.querySelectorAll(what)].map((region) => region.textContent), quiet), [""]);
  await fill(address, ["a secret text"]);
  await untilThread(reader, (root) => root.querySelector("[role=status]").textContent === "1 new comment");
  assert.equal(await inThread(reader, (root) => root.querySelector(".feed").getAttribute("aria-live")), null);
});

check("With reduced motion nothing slides.", async ({ page, open }) => {
  const address = page();
  await thread(address, 8);
  const reader = await open(address, { reducedMotion: "reduce" });
  await reader.shows("end 7");
  await readMiddle(reader, 4);
  await fill(address, ["one"]);
  await pillSays(reader, "1 new comment");
  const moves = await inThread(reader, (root) => [...root.querySelectorAll("*")].filter((element) => { const style = getComputedStyle(element); return style.animationName !== "none" || style.transitionDuration !== "0s"; }).length);
  assert.equal(moves, 0);
});

check("Right to left, everything is mirrored and each comment finds its own direction.", async ({ page, open }) => {
  const address = page({ dir: "rtl", lang: "ar" });
  const [{ comment }] = await fill(address, ["שלום לכולם"]);
  await post(comment.channel, "an English answer", { parent: comment.id });
  const reader = await open(address);
  await reader.shows("an English answer");
  const seen = await inThread(reader, (root) => ({
    dir: root.querySelector(".box").dir,
    bodies: [...root.querySelectorAll(".body")].map((body) => getComputedStyle(body).direction),
    inset: (() => { const [outer, inner] = [...root.querySelectorAll("article")].map((article) => article.getBoundingClientRect()); return outer.right - inner.right > 5 && inner.left - outer.left < 5; })(),
  }));
  assert.deepEqual(seen, { dir: "rtl", bodies: ["rtl", "ltr"], inset: true });
});

check("Relative times tick together.", async ({ page, open }) => {
  const address = page();
  await thread(address, 3);
  const reader = await open(address, { before: (tab) => tab.clock.install() });
  await reader.shows("end 2");
  const times = () => inThread(reader, (root) => [...new Set([...root.querySelectorAll("time")].map((time) => time.textContent))]);
  assert.deepEqual(await times(), ["now"]);
  await reader.page.clock.fastForward(5 * 60_000);
  await untilThread(reader, (root) => root.querySelector("time").textContent === "5 minutes ago");
  assert.deepEqual(await times(), ["5 minutes ago"]);
});

check("Voting shows at once and is counted by the server.", async ({ page, open }) => {
  const address = page();
  await thread(address, 1);
  const [one, two] = [await open(address), await open(address)];
  await two.shows("end 0");
  await one.comment("end 0").getByRole("button", { name: /Upvote/ }).click();
  await one.comment("end 0").locator("[data-do=reactup][aria-pressed=true]", { hasText: "1" }).waitFor();
  await two.comment("end 0").locator("[data-do=reactup]", { hasText: "1" }).waitFor();
  assert.deepEqual((await stored(address))[0].reactions, { up: 1 });
  await one.comment("end 0").locator("[data-do=reactup]").click();
  await two.comment("end 0").locator("[data-do=reactup]", { hasText: /^▲$/ }).waitFor();
});
