/** Checks of keys, of what is read out, of forms, and of those who are there. */
import assert from "node:assert/strict";
import { server, until } from "../../crates/parlour/tests/clients/story.mjs";
import { check, inThread, openAnswered, post, stored, thread, untilThread } from "./checks.mjs";
import { fill } from "./stage.mjs";

const main = ({ page }) => page.locator("parlour-comments .writing form");
const isPosted = (reader, count) => untilThread(reader, (root, wanted) => root.querySelectorAll("article[data-state=approved]").length === wanted, count);

check("Pressing twice posts once.", async ({ page, open }) => {
  const address = page();
  const reader = await open(address);
  await main(reader).locator("textarea").fill("only once");
  await main(reader).locator("button.primary").dblclick();
  await reader.page.keyboard.press("Control+Enter");
  await isPosted(reader, 1);
  assert.deepEqual((await stored(address)).map(({ body }) => body), ["only once"]);
});

check("An event that comes before its answer makes no second comment.", async ({ page, open }) => {
  const address = page();
  const reader = await open(address);
  await reader.write("the first, so that there is a guest", { name: "Ann" });
  await isPosted(reader, 1);
  let pass;
  const held = new Promise((resolve) => (pass = resolve));
  await reader.page.route("**/comments", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const answer = await route.fetch();
    await held;
    await route.fulfill({ response: answer });
  });
  await reader.write("told before it is answered");
  await isPosted(reader, 2);
  assert.equal(await reader.page.locator("parlour-comments article").count(), 2);
  const answered = reader.page.waitForResponse((answer) => answer.request().method() === "POST" && answer.url().endsWith("/comments"));
  pass();
  await answered;
  await untilThread(reader, (root) => root.querySelectorAll("article").length === 2 && root.querySelector(".count").textContent === "2 comments");
});

check("Leaving asks only while something would be lost.", async ({ page, open }) => {
  const address = page();
  await thread(address, 1);
  const reader = await open(address);
  await reader.shows("end 0");
  const asks = () => reader.page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
  assert.equal(await asks(), false);
  await main(reader).locator("textarea").fill("half a thought");
  await reader.page.getByRole("textbox", { name: "Name" }).waitFor();
  await main(reader).locator("textarea").pressSequentially(", kept");
  await reader.page.waitForFunction(() => localStorage.getItem("parlour:drafts"));
  assert.equal(await asks(), false, "a draft is kept");
  let pass;
  const held = new Promise((resolve) => (pass = resolve));
  await reader.page.route("**/comments", async (route) => {
    if (route.request().method() === "POST") await held;
    await route.continue();
  });
  await main(reader).locator("button.primary").click();
  await untilThread(reader, (root) => root.querySelector("article[data-state=sending]"));
  assert.equal(await asks(), true, "it is on its way");
  pass();
  await isPosted(reader, 2);
  // Its event may come before its answer, and until then it is on its way.
  await until(async () => !(await asks()), "nothing to be lost");
  await reader.page.evaluate(() => (Storage.prototype.setItem = () => { throw new Error("full"); }));
  await main(reader).locator("textarea").pressSequentially("not to be kept");
  assert.equal(await asks(), true, "the browser keeps nothing");
});

check("Whoever answers the same comment sees who else does.", async ({ page, open }) => {
  const address = page();
  await thread(address, 2);
  const readers = [await open(address), await open(address), await open(address)];
  for (const [index, reader] of readers.entries()) {
    await reader.write(`here is ${index}`, { name: ["Ann", "Ben", "Cem"][index] });
    await reader.comment(index < 2 ? "end 0" : "end 1").locator("[data-do=reply]").click();
    await reader.comment(index < 2 ? "end 0" : "end 1").locator(".tools button").first().waitFor();
  }
  const [ann, ben, cem] = readers;
  const line = ({ page: tab }) => tab.locator("parlour-comments article .typing");
  for (const reader of readers) await line(reader).waitFor({ state: "attached" });
  await ann.comment("end 0").locator("textarea").pressSequentially("I");
  await line(ben).getByText("Ann is typing…").waitFor();
  await cem.comment("end 1").locator("textarea").pressSequentially("I");
  assert.equal(await line(cem).textContent(), "", "another comment is another conversation");
  assert.equal(await line(ann).textContent(), "", "nobody is told of themselves");
});

check("Typing is told at most every three seconds and forgotten after six, and of many one is named.", async ({ page, open }) => {
  const address = page({ element: "parlour-chat", channel: "typists" });
  const [one, two] = [await open(address), await open(address, { before: (tab) => tab.clock.install() })];
  for (const { page: tab } of [one, two]) await tab.locator("parlour-chat .viewers", { hasText: "2 here" }).waitFor();
  let told = 0;
  one.page.on("request", (request) => request.url().endsWith("/typing") && told++);
  await one.page.locator("parlour-chat").getByLabel("Name").fill("Ann");
  await one.page.locator("parlour-chat").getByRole("textbox", { name: "Message" }).pressSequentially("Hello there");
  const line = two.page.locator("parlour-chat .typing");
  await line.getByText("Ann is typing…").waitFor();
  assert.equal(told, 1);
  for (const name of ["Ben", "Cem"]) {
    await fetch(`${server}/v1/channels/typists/typing`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name, parent: null }) });
  }
  await line.getByText(/and (1 other is|1 other are|2 others are) typing…/).waitFor();
  await two.page.clock.runFor(6500);
  await two.page.waitForFunction(() => document.querySelector("parlour-chat").shadowRoot.querySelector(".typing").textContent === "");
});

check("Ctrl+Enter sends.", async ({ page, open }) => {
  for (const key of ["Control+Enter", "Meta+Enter"]) {
    const reader = await open(page());
    await main(reader).locator("textarea").fill("by key");
    await reader.page.keyboard.press(key);
    await isPosted(reader, 1);
  }
});

check("r answers, u votes, o folds, and ? tells the keys.", async ({ page, open }) => {
  const reader = await openAnswered(page, open, 1);
  const { keyboard } = reader.page;
  await inThread(reader, (root) => root.querySelector("article").focus());
  await keyboard.press("u");
  await untilThread(reader, (root) => root.querySelector("[data-do=reactup]").getAttribute("aria-pressed") === "true");
  await inThread(reader, (root) => root.querySelector("article").focus());
  await keyboard.press("o");
  await untilThread(reader, (root) => root.querySelector("article[data-folded]"));
  await inThread(reader, (root) => root.querySelector("article").focus());
  await keyboard.press("o");
  await untilThread(reader, (root) => !root.querySelector("article[data-folded]"));
  await inThread(reader, (root) => root.querySelector("article").focus());
  await keyboard.press("r");
  await untilThread(reader, (root) => root.activeElement?.matches("article textarea"));
  await keyboard.press("Escape");
  await keyboard.press("?");
  await reader.page.locator("parlour-comments dialog", { hasText: "Fold or unfold replies" }).waitFor();
});

check("Tab comes to one comment of the list, where one was the last time.", async ({ page, open }) => {
  const address = page();
  await thread(address, 5);
  const reader = await open(address);
  await reader.shows("end 4");
  assert.equal(await reader.page.locator('parlour-comments article[tabindex="0"]').count(), 1);
  await inThread(reader, (root) => root.querySelector("article").focus());
  for (const press of ["j", "j"]) await reader.page.keyboard.press(press);
  await untilThread(reader, (root) => root.activeElement === root.querySelectorAll("article")[2]);
  await reader.page.locator("parlour-comments .writing textarea").focus();
  assert.equal(await reader.page.locator('parlour-comments article[tabindex="0"]').count(), 1);
  for (let presses = 0; !(await inThread(reader, (root) => root.activeElement?.localName === "article")); presses++) {
    assert.ok(presses < 20);
    await reader.page.keyboard.press("Tab");
  }
  assert.ok(await inThread(reader, (root) => root.activeElement === root.querySelectorAll("article")[2]));
});

check("After more of the list the focus is on the first that came.", async ({ page, open }) => {
  const address = page({ limit: 5 });
  await thread(address, 8);
  const reader = await open(address);
  await reader.shows("end 7");
  assert.equal(await reader.page.locator("parlour-comments article").count(), 5);
  await reader.page.getByRole("button", { name: "More comments" }).click();
  await untilThread(reader, (root) => root.querySelectorAll("article").length === 8);
  assert.ok(await inThread(reader, (root) => root.activeElement === root.querySelectorAll("article")[5]));
});

check("The list is a feed of numbered articles, each named by who wrote it, and answers are lists in them.", async ({ page, open }) => {
  const address = page({ limit: 3 });
  const made = await thread(address, 4);
  await post(made[3].comment.channel, "an answer", { parent: made[3].comment.id });
  const reader = await open(address);
  await reader.shows("end 3");
  const told = () => inThread(reader, (root) => [...root.querySelectorAll("[role=feed] > article")].map((article) => [article.getAttribute("aria-posinset"), article.getAttribute("aria-setsize"), root.getElementById(article.getAttribute("aria-labelledby")).textContent]));
  assert.deepEqual(await told(), [1, 2, 3].map((number) => [`${number}`, "-1", "Old"]));
  await reader.page.getByRole("button", { name: "More comments" }).click();
  await untilThread(reader, (root) => root.querySelectorAll("[role=feed] > article").length === 4);
  assert.deepEqual(await told(), [1, 2, 3, 4].map((number) => [`${number}`, "4", "Old"]));
  assert.equal(await reader.page.locator("parlour-comments article ul > li > article h3").count(), 1);
});

check("New comments are announced together, at most once in twenty seconds.", async ({ page, open }) => {
  const address = page();
  const [{ comment }] = await thread(address, 2);
  const reader = await open(address, { before: (tab) => tab.clock.install() });
  await reader.shows("end 1");
  await inThread(reader, (root) => {
    window.said = [];
    const region = root.querySelector("[role=status]");
    new MutationObserver(() => window.said.push(region.textContent)).observe(region, { childList: true });
  });
  const counts = (wanted) => untilThread(reader, (root, text) => root.querySelector(".count").textContent === text, `${wanted} comments`);
  await reader.viewers("");
  for (let number = 0; number < 5; number++) await post(comment.channel, `number ${number}`);
  await counts(7);
  assert.deepEqual(await reader.page.evaluate(() => window.said), ["1 new comment"]);
  await reader.page.clock.runFor(20_000);
  assert.deepEqual(await reader.page.evaluate(() => window.said), ["1 new comment", "4 new comments"]);
});

check("Errors are told at once and belong to their field.", async ({ page, open }) => {
  const reader = await open(page());
  await main(reader).locator("textarea").focus();
  await main(reader).locator("button.primary").click();
  const error = main(reader).getByRole("alert");
  await error.getByText("Nothing to send yet.").waitFor();
  assert.ok(await inThread(reader, (root) => {
    const field = root.querySelector("textarea");
    return field.getAttribute("aria-invalid") === "true" && root.getElementById(field.getAttribute("aria-describedby"))?.getAttribute("role") === "alert" && root.activeElement === field;
  }));
});

check("Every field has a label, and every button is 24 pixels wide and high.", async ({ page, open }) => {
  const reader = await openAnswered(page, open, 3);
  await main(reader).locator("textarea").focus();
  await reader.page.getByRole("textbox", { name: "Name" }).waitFor();
  await reader.page.locator("parlour-comments [data-mark=bold]").waitFor();
  const wrong = await inThread(reader, (root) => [
    ...[...root.querySelectorAll("input:not([aria-hidden]), textarea")].filter((field) => !field.labels?.[0]?.textContent.trim() || field.placeholder),
    ...[...root.querySelectorAll("button")].filter((button) => { const { width, height } = button.getBoundingClientRect(); return width > 0 && (width < 24 || height < 24); }),
  ].map((element) => element.outerHTML));
  assert.deepEqual(wrong, []);
});

check("At four times the size nothing is cut off.", async ({ page, open }) => {
  const address = page();
  const made = await thread(address, 2);
  let parent = made[0].comment.id;
  for (let depth = 0; depth < 9; depth++) parent = (await post(made[0].comment.channel, `answer at depth ${depth} ${"unbreakable".repeat(8)}`, { parent })).comment.id;
  // 1,280 pixels at four times the size are 320.
  const reader = await open(address, { viewport: { width: 320, height: 256 } });
  await reader.shows("end 0");
  await main(reader).locator("textarea").focus();
  await reader.page.getByRole("textbox", { name: "Name" }).waitFor();
  assert.ok(await reader.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  const cut = await inThread(reader, (root) => [...root.querySelectorAll("button, input, textarea, .body")].filter((element) => { const { left, right, width } = element.getBoundingClientRect(); return width > 0 && (left < 0 || right > innerWidth); }).map((element) => element.outerHTML));
  assert.deepEqual(cut, []);
});

const chatAt = async (page, open, channel, before) => {
  const reader = await open(page({ element: "parlour-chat", channel }), { before });
  await reader.page.locator("parlour-chat .viewers", { hasText: "1 here" }).waitFor();
  const inChat = (act, argument) => reader.page.evaluate(`(${act})(document.querySelector("parlour-chat").shadowRoot, ${JSON.stringify(argument ?? null)})`);
  const hears = (text) => reader.page.locator("parlour-chat .message", { hasText: text }).waitFor();
  return { reader, inChat, hears, live: () => inChat((root) => root.querySelector("[role=log]").getAttribute("aria-live")) };
};

check("A chat is read out as it comes, until one says no.", async ({ page, open }) => {
  const { reader, live } = await chatAt(page, open, "aloud");
  assert.equal(await live(), "polite");
  const toggle = reader.page.getByRole("button", { name: "Read new messages aloud" });
  assert.equal(await toggle.getAttribute("aria-pressed"), "true");
  await toggle.click();
  assert.deepEqual([await live(), await toggle.getAttribute("aria-pressed")], ["off", "false"]);
  await toggle.click();
  assert.equal(await live(), "polite");
});

check("The head of a chat is one line at 320 pixels.", async ({ page, open }) => {
  const members = Array.from({ length: 6 }, (_, number) => ({ client: `c${number}`, user: `m${number}`, name: `Name ${number}`, face: true }));
  for (const more of [{}, { faces: "1" }, { lang: "fr" }, { lang: "ar", dir: "rtl", faces: "1" }]) {
    const reader = await open(page({ element: "parlour-chat", channel: "launch-party", ...more }), {
      viewport: { width: 320, height: 640 },
      before: (tab) => tab.route("**/presence", (route) => route.fulfill({ json: { viewers: 1230, members }, headers: { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*" } })),
    });
    const chat = reader.page.locator("parlour-chat");
    await chat.locator(".viewers:not(:empty)").waitFor();
    if (more.faces) await chat.locator(".faces .avatar").nth(4).waitFor();
    const { head, bar, font } = await chat.evaluate(({ shadowRoot }) => {
      const placeOf = (selector) => shadowRoot.querySelector(selector).getBoundingClientRect().toJSON();
      return { head: [".title", ".viewers", ".aloud"].map(placeOf), bar: placeOf(".bar"), font: Number.parseFloat(getComputedStyle(shadowRoot.querySelector(".title")).fontSize) };
    });
    const told = JSON.stringify({ more, head, bar });
    assert.ok(Math.max(...head.map(({ top }) => top)) < Math.min(...head.map(({ bottom }) => bottom)), `beside each other: ${told}`);
    assert.ok(head[0].height < 2 * font, `the name on one line: ${told}`);
    const inOrder = more.dir ? head.toReversed() : head;
    for (const [index, { left, right }] of inOrder.entries()) {
      assert.ok(left >= (inOrder[index - 1]?.right ?? bar.left) && right <= bar.right, `one after the other: ${told}`);
    }
    assert.ok(await reader.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), told);
    if (process.env.PICTURES) await chat.screenshot({ path: `${process.env.PICTURES}/head-${JSON.stringify(more).replaceAll(/\W+/g, "-")}.png` });
  }
});

check("When more is written in a chat than one can follow, only how much is announced.", async ({ page, open }) => {
  const { reader, inChat, hears, live } = await chatAt(page, open, "flood", (tab) => tab.clock.install());
  for (let number = 0; number < 9; number++) await post("flood", `line ${number}.`);
  await hears("line 8.");
  assert.equal(await live(), "off");
  await reader.page.clock.runFor(21_000);
  assert.match(await inChat((root) => root.querySelector("[role=status]").textContent), /^(\d new messages|1 new message|)$/);
  assert.equal(await live(), "polite", "when it is calm again");
});

check("A chat follows its end while one is there, and else leads to it with a button.", async ({ page, open }) => {
  const { reader, inChat, hears } = await chatAt(page, open, "long");
  for (let number = 0; number < 30; number++) await post("long", `line ${number}.`);
  await hears("line 29.");
  const fromEnd = () => inChat((root) => { const log = root.querySelector(".log"); return Math.round(log.scrollHeight - log.scrollTop - log.clientHeight); });
  assert.ok((await fromEnd()) <= 1);
  await inChat((root) => (root.querySelector(".log").scrollTop = 100));
  await post("long", "one more.");
  const latest = reader.page.getByRole("button", { name: "Jump to latest" });
  await latest.waitFor();
  assert.equal(await inChat((root) => root.querySelector(".log").scrollTop), 100, "what is read stays");
  await latest.click();
  assert.ok((await fromEnd()) <= 1);
  assert.ok(!(await latest.isVisible()));
});

check("With reduced motion a permalink jumps, and is marked by a border that stands still.", async ({ page, open }) => {
  const address = page();
  const made = await thread(address, 12);
  const reader = await open(`${address}#parlour-${made[2].comment.id}`, { reducedMotion: "reduce" });
  await untilThread(reader, (root) => root.querySelector("[data-target]"));
  const style = await inThread(reader, (root) => { const { outlineStyle, outlineWidth, animationName, transitionDuration } = getComputedStyle(root.querySelector("[data-target] > .content")); return { outlineStyle, outlineWidth, animationName, transitionDuration }; });
  assert.deepEqual(style, { outlineStyle: "solid", outlineWidth: "2px", animationName: "none", transitionDuration: "0s" });
});

check("A time is told in the reader's zone, exactly so on hover and on focus.", async ({ page, open }) => {
  const address = page();
  const [{ comment }] = await fill(address, ["some time"]);
  const reader = await open(address, { timezoneId: "Asia/Tokyo", locale: "en-GB" });
  await reader.shows("some time");
  const time = reader.page.locator("parlour-comments time");
  const exact = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "short", timeZone: "Asia/Tokyo" }).format(new Date(comment.created));
  assert.deepEqual([await time.getAttribute("datetime"), await time.getAttribute("title")], [comment.created, exact]);
  await reader.page.keyboard.press("Tab");
  for (let presses = 0; !(await inThread(reader, (root) => root.activeElement?.matches(".when"))); presses++) {
    assert.ok(presses < 20);
    await reader.page.keyboard.press("Tab");
  }
  assert.ok((await inThread(reader, (root) => getComputedStyle(root.querySelector("time"), "::after").content)).includes(exact));
});

check("Name and address are optional, the name is remembered, and it is said that anyone can use any.", async ({ page, open }) => {
  const [address, other] = [page(), page()];
  const reader = await open(address);
  await reader.write("without a name");
  assert.equal(await reader.comment("without a name").locator("h3").textContent(), "Guest");
  await main(reader).getByText("anyone can use any name").waitFor();
  await reader.write("with a name", { name: "Ann" });
  await isPosted(reader, 2);
  await reader.page.goto(other);
  await main(reader).locator("textarea").focus();
  assert.equal(await reader.page.getByRole("textbox", { name: "Name" }).inputValue(), "Ann");
  const [, named] = await stored(address);
  assert.deepEqual([named.author.name, named.author.verified], ["Ann", false]);
});
