/**
 * A server that does not answer everybody: pages that it knows and pages that it does not, what it holds, and moderating in the thread;
 * the sentences of `docs/widget.md`. Arguments behind the addresses: the port of the known pages, a moderator's token, a member's.
 */
import assert from "node:assert/strict";
import { server, story, until } from "../../crates/parlour/tests/clients/story.mjs";
import { check, inThread, runAll, untilThread } from "./checks.mjs";
import { document, embed, site } from "./stage.mjs";

const [port, token, member, ...words] = process.argv.slice(5);

/** A reader and a moderator in one thread. */
async function both(page, open) {
  const address = page();
  const reader = await open(address);
  const moderator = await open(page({ canonical: address, token }), { before: (tab) => tab.clock.install() });
  await moderator.page.getByRole("button", { name: "Close the discussion" }).waitFor();
  return { reader, moderator };
}

/** Lets the time pass in which what a moderator did can be undone. */
const settle = ({ page }) => page.clock.runFor(8500);

/** Writes as a guest whose comments are shown at once: the first was approved. */
async function trusted({ reader, moderator }) {
  await reader.write("the first", { name: "Ann" });
  await moderator.shows("the first");
  await moderator.comment("the first").locator("[data-do=approve]").click();
  await settle(moderator);
  await reader.page.locator("parlour-comments article[data-state=approved]").waitFor();
}

check("A page whose origin is not known names the option that lets it in.", async ({ open }) => {
  const foreign = `${await site({ "/page": document(embed) })}/page`;
  const refused = await open(foreign);
  await refused.page.locator("parlour-comments").getByText(`--origins ${new URL(foreign).origin}`).waitFor();
});

check("On a plain http page everything works.", async ({ page, open }) => {
  const address = page().replace("a.localhost", "blog.example");
  const [one, two] = [await open(address), await open(address)];
  // A name that is not local: no secure context, so these are truly missing.
  assert.deepEqual(await one.page.evaluate(() => [isSecureContext, navigator.locks, crypto.subtle, crypto.randomUUID]), [false, undefined, undefined, undefined]);
  await one.write("plain and simple", { name: "Ann", email: "ann@example.org" });
  await one.page.getByText("Only you see this until it is approved.").waitFor();
  const moderator = await open(page({ token }));
  await moderator.page.getByText("1 comment waits").waitFor();
  const authorized = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const { comments } = await (await fetch(`${server}/v1/moderation/comments?state=pending`, { headers: authorized })).json();
  await fetch(`${server}/v1/moderation/orders`, { method: "POST", headers: authorized, body: JSON.stringify({ act: "approve", ids: [comments[0].comment.id] }) });
  await two.shows("plain and simple");
  await one.page.locator("parlour-comments article[data-state=approved]").waitFor();
  const tab = await one.context.newPage();
  await tab.goto(address);
  await tab.locator("parlour-comments article", { hasText: "plain and simple" }).waitFor();
  await one.write("and once more", { name: "Ann" });
  await tab.locator("parlour-comments .count", { hasText: "2 comments" }).waitFor();
  await two.shows("and once more");
});

check("A held comment is seen by its author alone, with a line that says so.", async ({ page, open }) => {
  const { reader, moderator } = await both(page, open);
  const other = await open(reader.page.url());
  await reader.write("to be held", { name: "Ann" });
  await reader.comment("to be held").getByText("Only you see this until it is approved.").waitFor();
  await moderator.shows("to be held");
  await other.page.reload();
  await other.page.getByText("No comments yet.").waitFor();
});

check("A held comment comes to moderators as it is held, and how much waits is told.", async ({ page, open }) => {
  const { reader, moderator } = await both(page, open);
  const waits = async () => Number((await moderator.page.locator("parlour-comments .bar a").textContent()).split(" ")[0] || 0);
  await untilThread(moderator, (root) => root.querySelector(".bar a").textContent);
  const before = await waits();
  await reader.write("held and heard", { name: "Ann" });
  await moderator.shows("held and heard");
  await moderator.page.locator("parlour-comments .bar a", { hasText: `${before + 1} comment` }).waitFor();
  assert.equal(await moderator.comment("held and heard").getAttribute("data-state"), "pending");
  await moderator.comment("held and heard").locator("[data-do=approve]").click();
  await settle(moderator);
  await moderator.page.locator("parlour-comments article[data-state=approved]").waitFor();
  await untilThread(reader, (root) => root.querySelector("article[data-state=approved]"));
});

check("Whoever was approved once is not held again.", async ({ page, open }) => {
  const people = await both(page, open);
  await trusted(people);
  await people.reader.write("the second");
  await people.reader.page.locator("parlour-comments article[data-state=approved]").nth(1).waitFor();
});

check("What a moderator decides can be undone for eight seconds.", async ({ page, open }) => {
  const people = await both(page, open);
  const { reader, moderator } = people;
  await trusted(people);
  await moderator.comment("the first").locator("[data-do=reject]").click();
  await moderator.page.getByRole("button", { name: "Undo" }).click();
  assert.ok(await inThread(moderator, (root) => !root.querySelector("[data-doomed]")));
  await moderator.comment("the first").locator("[data-do=reject]").click();
  await moderator.page.clock.runFor(7500);
  assert.equal(await reader.comment("the first").count(), 1);
  await moderator.page.clock.runFor(1000);
  await reader.comment("the first").waitFor({ state: "detached" });
});

check("Whoever is approved and trusted is held neither for being new nor for links.", async ({ page, open }) => {
  const { reader, moderator } = await both(page, open);
  await reader.write("the first", { name: "Ann" });
  await moderator.shows("the first");
  await moderator.comment("the first").locator("[data-do=trust]").click();
  await moderator.page.getByRole("button", { name: "Undo" }).waitFor();
  await settle(moderator);
  await reader.page.locator("parlour-comments article[data-state=approved]").waitFor();
  assert.equal(await moderator.comment("the first").locator("[data-do=trust]").count(), 0, "it is done");
  const links = "https://a.example https://b.example https://c.example";
  await reader.write(links);
  await moderator.shows(links);
  assert.equal(await moderator.comment(links).getAttribute("data-state"), "approved");
  // Approval alone is no trust.
  const other = await open(reader.page.url());
  await other.write("of somebody else", { name: "Bob" });
  await moderator.shows("of somebody else");
  await moderator.comment("of somebody else").locator("[data-do=approve]").click();
  await settle(moderator);
  await other.page.locator("parlour-comments article[data-state=approved]", { hasText: "of somebody else" }).waitFor();
  await other.write(`again ${links}`);
  await other.comment(`again ${links}`).getByText("Only you see this until it is approved.").waitFor();
});

check("a, t, s, x and b decide from the keyboard.", async ({ page, open }) => {
  const people = await both(page, open);
  const { reader, moderator } = people;
  const press = async (text, key) => {
    await moderator.shows(text);
    await moderator.comment(text).evaluate((article) => article.focus());
    await moderator.page.keyboard.press(key);
    await moderator.page.getByRole("button", { name: "Undo" }).waitFor();
    await settle(moderator);
  };
  await reader.write("to be approved", { name: "Ann" });
  await press("to be approved", "a");
  await reader.page.locator("parlour-comments article[data-state=approved]").waitFor();
  const other = await open(reader.page.url());
  const trusting = await open(reader.page.url());
  await trusting.write("to be trusted", { name: "Tea" });
  await press("to be trusted", "t");
  const trusted = async () => (await (await fetch(`${server}/v1/moderation/trusted`, { headers: { Authorization: `Bearer ${token}` } })).json()).trusted;
  await until(async () => (await trusted()).some(({ name }) => name === "Tea"), "trust");
  await other.shows("to be trusted");
  for (const text of ["for spam", "for removal", "for a block"]) {
    await reader.write(text);
    await other.shows(text);
  }
  await press("for spam", "s");
  await other.comment("for spam").waitFor({ state: "detached" });
  await press("for removal", "x");
  await other.comment("for removal").waitFor({ state: "detached" });
  await press("for a block", "b");
  const blocks = async () => (await (await fetch(`${server}/v1/moderation/blocks`, { headers: { Authorization: `Bearer ${token}` } })).json()).blocks.length;
  await until(async () => (await blocks()) > 0, "a block");
});

check("Moderators pin comments and close threads in place.", async ({ page, open }) => {
  const people = await both(page, open);
  const { reader, moderator } = people;
  await trusted(people);
  await moderator.comment("the first").locator("[data-do=pin]").click();
  await untilThread(reader, (root) => [...root.querySelectorAll(".badge")].some((badge) => badge.textContent === "Pinned"));
  await moderator.page.getByRole("button", { name: "Close the discussion" }).click();
  await reader.page.getByText("Comments are closed.").waitFor();
  await moderator.page.getByRole("button", { name: "Open the discussion" }).click();
  await reader.page.locator("parlour-comments .writing textarea").waitFor();
});

check("Only those who signed in have the sign of it.", async ({ page, open }) => {
  const people = await both(page, open);
  const { reader, moderator } = people;
  await trusted(people);
  await moderator.write("from somebody known");
  await reader.shows("from somebody known");
  assert.equal(await reader.comment("from somebody known").locator(".verified").count(), 1);
  assert.equal(await reader.comment("the first").locator(".verified").count(), 0);
});

check("Only who is signed in and wants it is shown by face, and the others are a number.", async ({ page, open }) => {
  const chat = (who) => who.page.locator("parlour-chat");
  const enter = (more) => open(page({ element: "parlour-chat", channel: "lobby", faces: "1", ...more }), { before: (tab) => tab.clock.install() });
  const [ada, guest] = [await enter({ token: member }), await enter()];
  // Whoever is asked is asked again in ten seconds at most.
  const sees = (who, text) => until(async () => {
    await who.page.clock.runFor(1000);
    return (await chat(who).locator(".faces").textContent()) === text;
  }, `${text || "nobody"} to be seen`);
  for (const who of [ada, guest]) await chat(who).locator(".viewers", { hasText: "2 here" }).waitFor();
  const choice = chat(ada).getByRole("switch", { name: "Show me here" });
  await choice.waitFor();
  assert.equal(await choice.isChecked(), false, "nobody is seen who did not ask for it");
  await until(() => guest.wire.some(({ direction, where }) => direction === "in" && where.endsWith("/presence")), "an answer");
  assert.equal(await chat(guest).getByRole("switch").count(), 0, "a guest's name is anyone's");
  for (const who of [ada, guest]) assert.equal(await chat(who).locator(".avatar").count(), 0);
  await choice.check();
  for (const who of [ada, guest]) {
    await sees(who, "A+1");
    assert.equal(await chat(who).locator(".faces .avatar").getAttribute("title"), "Ada");
  }
  // The browser keeps it, for this site.
  await ada.page.reload();
  await sees(ada, "A+1");
  assert.equal(await choice.isChecked(), true);
  await choice.uncheck();
  for (const who of [ada, guest]) await sees(who, "");
  assert.equal(await ada.page.evaluate(() => JSON.stringify(localStorage).includes("face")), false);
});

check("What was held before the news of it are heard is shown to moderators too.", async ({ page, open }) => {
  const address = page();
  const reader = await open(address);
  let pass;
  const held = new Promise((resolve) => (pass = resolve));
  const moderator = await open(page({ canonical: address, token }), {
    before: (tab) => tab.routeWebSocket(/connection/, async (route) => {
      // The thread is read by then, and its line is late.
      await held;
      route.connectToServer();
    }),
  });
  await moderator.page.getByRole("button", { name: "Close the discussion" }).waitFor();
  await reader.write("held meanwhile", { name: "Ann" });
  pass();
  await moderator.shows("held meanwhile");
});

story(() => runAll("Origins and moderators (`web/e2e/refused.mjs`):", words, Number(port)));
