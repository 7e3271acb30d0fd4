/** Checks of what arrives while one reads, and of what is new when one comes back. */
import assert from "node:assert/strict";
import { order, server, until } from "../../crates/parlour/tests/clients/story.mjs";
import { check, doUntil, inThread, openTold, post, readMiddle, remove, thread, untilThread } from "./checks.mjs";
import { fill } from "./stage.mjs";
import { Proxy } from "./proxies.mjs";

const pill = ({ page }) => page.locator("parlour-comments .pill");
const counts = (reader, wanted) => untilThread(reader, (root, text) => root.querySelector(".count")?.textContent === text, wanted);
const change = async (path, method, token, body) => {
  const answer = await fetch(`${server}/v1/comments/${path}`, { method, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, ...(body && { body: JSON.stringify(body) }) });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
};

check("While it is read, a thread says so and keeps its room.", async ({ page, open }) => {
  let pass;
  const held = new Promise((resolve) => (pass = resolve));
  const reader = await open(page(), { before: (tab) => tab.route("**/comments?**", async (route) => {
    await held;
    await route.continue();
  }) });
  await reader.page.getByText("Loading comments…").waitFor();
  const top = () => reader.page.locator("#end").evaluate((end) => end.getBoundingClientRect().top);
  const before = await top();
  assert.ok(await reader.page.locator("parlour-comments").evaluate((element) => element.offsetHeight >= 288));
  pass();
  await reader.page.getByText("No comments yet.").waitFor();
  assert.equal(await top(), before, "what follows has not moved");
});

check("A thread that is further away than 1,000 pixels loads nothing until one comes near.", async ({ page, open }) => {
  const address = page({ space: 3000 });
  await thread(address, 1);
  const reader = await open(address, { waitUntil: "load" });
  await reader.page.waitForFunction(() => document.readyState === "complete");
  // The loader has looked by then: an element of another part, near, is loaded after it.
  await reader.page.evaluate(() => document.querySelector("h1").after(document.createElement("parlour-count")));
  await reader.page.waitForFunction(() => customElements.get("parlour-count"));
  assert.deepEqual(reader.wire.filter(({ where }) => /comments/.test(where)).map(({ where }) => where), []);
  await reader.page.mouse.wheel(0, 1700);
  await reader.shows("end 0");
});

check("The pill is in sight wherever in the thread one reads.", async ({ page, open }) => {
  for (const sort of ["newest", "oldest"]) {
    const address = page({ sort });
    await thread(address, 24);
    const reader = await open(address);
    await reader.shows("end 12");
    for (const index of [8, 14]) {
      await readMiddle(reader, index);
      await fill(address, [`new at ${index}`]);
      await pill(reader).waitFor();
      assert.ok(await pill(reader).evaluate((button) => { const { top, bottom } = button.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; }), `${sort}, ${index}`);
    }
    await reader.close();
  }
});

check("One press shows twenty at most, and the pill stays for the rest.", async ({ page, open }) => {
  const address = page();
  const [{ comment }] = await thread(address, 15);
  const reader = await open(address);
  await reader.shows("end 14");
  await readMiddle(reader, 8);
  for (let number = 0; number < 25; number++) await post(comment.channel, `number ${number}`);
  await pill(reader).getByText("25 new comments").waitFor();
  await pill(reader).click();
  await pill(reader).getByText("5 new comments").waitFor();
  await untilThread(reader, (root) => root.querySelectorAll("article").length === 35);
  await pill(reader).click();
  await untilThread(reader, (root) => root.querySelectorAll("article").length === 40 && root.querySelector(".pill").hidden);
});

check("Edits and votes of others are shown in place.", async ({ page, open }) => {
  const address = page();
  await thread(address, 3);
  const [{ comment, token }] = await fill(address, ["as it was"]);
  const reader = await open(address);
  await reader.comment("as it was").evaluate((article) => (article.mark = true));
  const { token: other } = await post(comment.channel, "somebody else");
  await change(comment.id, "PATCH", token, { body: "as it is" });
  await change(`${comment.id}/reactions/up`, "PUT", other);
  await untilThread(reader, (root) => [...root.querySelectorAll("article")].some((article) => article.mark && article.textContent.includes("as it is") && article.querySelector("[data-do=reactup]").textContent === "▲ 1"));
});

check("An edited comment says so.", async ({ page, open }) => {
  const address = page();
  const [{ comment, token }] = await fill(address, ["first words"]);
  const reader = await open(address);
  await reader.shows("first words");
  assert.equal(await reader.comment("first words").getByText("edited").count(), 0);
  await change(comment.id, "PATCH", token, { body: "second words" });
  await reader.comment("second words").getByText("edited").waitFor();
});

check("What others delete leaves its place as high as it was until one does something.", async ({ page, open }) => {
  const address = page();
  const made = await thread(address, 6);
  const reader = await open(address);
  await reader.shows("end 5");
  const below = () => reader.comment("end 1.").evaluate((article) => article.getBoundingClientRect().top);
  const before = await below();
  await remove(made[3].comment.id, made[3].token);
  await reader.page.locator("parlour-comments .body", { hasText: "This comment was deleted." }).waitFor();
  await counts(reader, "5 comments");
  assert.ok(Math.abs((await below()) - before) <= 1, "nothing has moved by more than a pixel");
  assert.ok(!(await inThread(reader, (root) => root.textContent.includes("end 3"))), "its text is gone at once");
  await doUntil(reader, (root) => root.querySelectorAll("article").length === 5);
  await counts(reader, "5 comments");
});

check("A deleted comment that was answered keeps its answers.", async ({ page, open }) => {
  const address = page();
  const [{ comment, token }] = await fill(address, ["to be answered"]);
  await post(comment.channel, "the answer that stays", { parent: comment.id });
  const reader = await open(address);
  await reader.shows("the answer that stays");
  await remove(comment.id, token);
  await reader.page.locator("parlour-comments .body", { hasText: "This comment was deleted." }).waitFor();
  await reader.page.keyboard.press("Shift");
  await reader.page.reload();
  await reader.shows("the answer that stays");
  assert.equal(await reader.comment("This comment was deleted.").locator("article").count(), 1);
});

/** Goes away while `act` is done, and comes back. */
async function away(reader, act) {
  const lost = reader.page.waitForEvent("websocket");
  await order("down");
  await act();
  await order("up");
  await lost;
}

check("What was written while the connection was away comes by itself, once.", async ({ page, open }) => {
  const address = page({ line: 1 });
  const [{ comment }] = await thread(address, 3);
  const reader = await open(address);
  await reader.shows("end 2");
  await away(reader, async () => {
    for (const number of [0, 1, 2]) await post(comment.channel, `while away ${number}`);
  });
  await counts(reader, "6 comments");
  for (const number of [0, 1, 2]) await reader.shows(`while away ${number}`);
  assert.equal(await reader.page.locator("parlour-comments article").count(), 6);
});

check("When something is missing for good, the thread is read again.", async ({ page, open }) => {
  const address = page();
  await thread(address, 2);
  let isOnce = true;
  const reader = await open(address, { before: (tab) => tab.routeWebSocket(/connection/, (route) => {
    // Once the server's word on what was missed is turned into its word that it cannot say.
    route.connectToServer().onMessage((frame) => {
      const text = String(frame);
      const isAnswer = isOnce && text.includes('"recovered":true');
      if (isAnswer) isOnce = false;
      route.send(isAnswer ? text.replace('"recovered":true', '"recovered":false') : text);
    });
  }) });
  await reader.shows("end 1");
  const lists = () => reader.wire.filter(({ direction, where }) => direction === "out" && /\/comments\?/.test(where)).length;
  await until(() => lists() === 2, "another reading");
  await fill(address, ["after the gap"]);
  await reader.shows("after the gap");
  assert.equal(await reader.page.locator("parlour-comments article").count(), 3);
});

/** In a page: `look(false)` hides it, `look(true)` shows it again. */
function canBeLookedAway() {
  let isHidden = false;
  Object.defineProperty(document, "hidden", { get: () => isHidden });
  window.look = (isSeen) => {
    isHidden = !isSeen;
    document.dispatchEvent(new Event("visibilitychange"));
  };
}

check("A page that nobody looks at for five minutes lets go of its connection, and goes on when it is looked at.", async ({ page, open }) => {
  const proxy = await Proxy.open();
  const address = page({ from: proxy.address });
  const [{ comment }] = await thread(address, 1);
  const reader = await open(address, { before: async (tab) => {
    await tab.clock.install();
    await tab.addInitScript(canBeLookedAway);
  } });
  await reader.shows("end 0");
  const isOpen = () => proxy.websockets.size === 1;
  await until(isOpen, "a connection");
  await reader.page.evaluate(() => look(false));
  await reader.page.clock.fastForward(290_000);
  await until(isOpen, "a connection that stays, or comes back");
  await reader.page.clock.runFor(12_000);
  await until(() => !isOpen(), "the end of the connection");
  await post(comment.channel, "written unseen");
  await reader.page.evaluate(() => look(true));
  await reader.page.clock.runFor(1000);
  await counts(reader, "2 comments");
  // The proxy is an origin of its own.
  reader.complaints = reader.complaints.filter((complaint) => !complaint.startsWith("request to"));
});

check("n and p go from one new comment to the next.", async ({ page, open }) => {
  const address = page();
  await thread(address, 3);
  const reader = await open(address);
  await reader.write("I was here", { name: "Ann" });
  await reader.page.locator("parlour-comments article[data-state=approved]").nth(3).waitFor();
  await reader.page.reload();
  await reader.shows("I was here");
  await reader.page.goto(page());
  await fill(address, ["new one"]);
  await thread(address, 2);
  await fill(address, ["new two"]);
  await reader.page.goto(address);
  await untilThread(reader, (root) => root.querySelectorAll("article[data-unread]").length === 4);
  const focused = () => inThread(reader, (root) => root.activeElement?.querySelector(".body")?.textContent.trim().slice(-8) ?? "");
  await inThread(reader, (root) => root.querySelector("article").focus());
  const seen = [await focused()];
  for (const key of ["n", "n", "n", "p"]) {
    const before = seen.at(-1);
    await reader.page.keyboard.press(key);
    await untilThread(reader, (root, last) => (root.activeElement?.querySelector(".body")?.textContent.trim().slice(-8) ?? "") !== last, before);
    seen.push(await focused());
  }
  assert.equal(seen[0], "new two");
  assert.equal(seen[3], "new one");
  assert.equal(seen[4], seen[2]);
  const untilOn = (wanted) => untilThread(reader, (root, text) => root.activeElement?.querySelector(".body")?.textContent.trim().slice(-8) === text, wanted);
  await reader.page.keyboard.press("n");
  await untilOn("new one");
  // Behind the last new one there is none: else one back from there would be this one again.
  await reader.page.keyboard.press("n");
  await reader.page.keyboard.press("p");
  await untilOn(seen[4]);
});

check("`<parlour-count unread>` says how many are new since the last visit.", async ({ page, open }) => {
  const address = page();
  await thread(address, 2);
  const reader = await open(address);
  await reader.write("I was here", { name: "Ann" });
  await reader.page.locator("parlour-comments article[data-state=approved]").nth(2).waitFor();
  const list = page({ extra: `<parlour-count id="new" unread url="${address}"></parlour-count><parlour-count id="all" url="${address}"></parlour-count>` });
  await reader.page.goto(list);
  const says = (id, wanted) => reader.page.waitForFunction(([name, text]) => document.getElementById(name).shadowRoot?.textContent === text, [id, wanted]);
  await says("all", "3");
  await says("new", "");
  await fill(address, ["one more", "and another"]);
  await reader.page.reload();
  await says("all", "5");
  await says("new", "2");
  const stranger = await open(list);
  await stranger.page.waitForFunction(() => document.getElementById("all").shadowRoot?.textContent === "5");
  assert.equal(await stranger.page.evaluate(() => document.getElementById("new").shadowRoot.textContent), "");
});

check("The title says how many wait, where the page asks for it.", async ({ page, open }) => {
  for (const title of ["1", ""]) {
    const address = page({ title });
    await thread(address, 15);
    const reader = await open(address);
    await reader.shows("end 14");
    await readMiddle(reader, 8);
    await fill(address, ["one", "two"]);
    await pill(reader).getByText("2 new comments").waitFor();
    if (title) await reader.page.waitForFunction(() => document.title === "(2) A page");
    else assert.equal(await reader.page.title(), "A page");
    await pill(reader).click();
    await reader.page.waitForFunction(() => document.title === "A page");
    await reader.close();
  }
});

check("The line about readers is rounded above a hundred and changes at most once in five seconds.", async ({ page, open }) => {
  const address = page();
  const [{ comment }] = await thread(address, 1);
  // The server's own count is the first.
  const { reader, say } = await openTold(open, address, '"event":"viewers"', (tab) => tab.clock.install());
  const tell = (name, data) => say(JSON.stringify({ push: { channel: comment.channel, pub: { data, tags: { event: name } } } }));
  await reader.page.clock.runFor(6000);
  tell("viewers", { count: 99 });
  await reader.viewers("99 people are reading");
  tell("viewers", { count: 1234 });
  await reader.page.clock.runFor(4000);
  await reader.viewers("99 people are reading");
  await reader.page.clock.runFor(2000);
  await reader.viewers("1,230 people are reading");
});

check("Whoever asks not to be tracked is not counted.", async ({ page, open }) => {
  const address = page();
  const [{ comment }] = await thread(address, 1);
  const private_ = (tab) => tab.addInitScript(() => Object.defineProperty(Navigator.prototype, "doNotTrack", { get: () => "1" }));
  const one = await open(address);
  const two = await open(address, { before: private_ });
  await two.shows("end 0");
  await post(comment.channel, "heard by both");
  for (const reader of [one, two]) await reader.shows("heard by both");
  const { viewers } = await (await fetch(`${server}/v1/channels/${encodeURIComponent(comment.channel)}/presence`)).json();
  assert.equal(viewers, 1);
});

check("Those present are shown by face only where the page asks for it, five of them and a number.", async ({ page, open }) => {
  for (const faces of ["1", ""]) {
    const channel = `faces-${faces}`;
    // Two browsers of one person are one face, and whoever does not want it is none.
    const members = Array.from({ length: 9 }, (_, number) => ({ client: `c${number}`, user: `m${number % 7}`, name: `Name ${number % 7}`, face: number > 0 }));
    let asked = 0;
    const reader = await open(page({ element: "parlour-chat", channel, faces }), { before: (tab) => tab.route("**/presence", (route) => {
      asked++;
      return route.fulfill({ json: { viewers: 12, members }, headers: { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*" } });
    }) });
    const chat = reader.page.locator("parlour-chat");
    await chat.locator(".viewers", { hasText: "1 here" }).waitFor();
    if (!faces) {
      assert.equal(asked + (await chat.locator(".faces").count()), 0);
      continue;
    }
    await chat.getByRole("img", { name: "Name 1, Name 2, Name 3, Name 4, Name 5, +7" }).waitFor();
    assert.equal(await chat.locator(".faces .avatar").count(), 5);
    assert.equal(await chat.locator(".faces").textContent(), "NNNNN+7");
    assert.equal(await chat.getByRole("switch").count(), 0, "a guest has none to show");
    assert.equal(await chat.locator(".faces img").count(), 0, "they are drawn here");
  }
});

check("Who is there is asked at most once in ten seconds, and not while nobody looks or the number is as it was.", async ({ page, open }) => {
  let socket;
  const reader = await open(page({ element: "parlour-chat", channel: "faces-asked", faces: "1" }), { before: async (tab) => {
    await tab.clock.install();
    await tab.routeWebSocket(/connection/, (route) => {
      socket = route;
      route.connectToServer();
    });
    await tab.addInitScript(canBeLookedAway);
    await tab.addInitScript(() => {
      window.asked = 0;
      const { fetch } = window;
      window.fetch = (...request) => {
        if (String(request[0]).endsWith("/presence")) window.asked++;
        return fetch(...request);
      };
    });
  } });
  const { clock } = reader.page;
  const asked = () => reader.page.evaluate("asked");
  const tell = async (count) => {
    socket.send(JSON.stringify({ push: { channel: "faces-asked", pub: { data: { count }, tags: { event: "viewers" } } } }));
    await reader.page.locator("parlour-chat .viewers", { hasText: `${count} here` }).waitFor();
  };
  await reader.page.locator("parlour-chat .viewers", { hasText: "1 here" }).waitFor();
  await until(async () => (await asked()) === 1, "the first question");
  // From here on no time passes but what is told to; never so much at once that the connection would be taken for lost.
  await clock.pauseAt(Date.now() + 20_000);
  await tell(2);
  await clock.runFor(1000);
  assert.equal(await asked(), 2);
  for (const count of [3, 4, 5]) await tell(count);
  await clock.runFor(8900);
  assert.equal(await asked(), 2);
  await clock.runFor(400);
  assert.equal(await asked(), 3);
  await tell(5);
  await clock.runFor(30_000);
  assert.equal(await asked(), 3);
  await reader.page.evaluate(() => look(false));
  await tell(6);
  await clock.runFor(30_000);
  assert.equal(await asked(), 3);
  await reader.page.evaluate(() => look(true));
  await clock.runFor(1000);
  assert.equal(await asked(), 4);
  // Of a crowd not all ask at once: each waits by chance.
  await tell(900);
  await clock.runFor(16_500);
  assert.equal(await asked(), 4, "so many leave the server a longer rest");
  await tell(900);
  await clock.runFor(20_000);
  assert.equal(await asked(), 5);
});
