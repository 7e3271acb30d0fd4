/**
 * One connection for all tabs of a browser, and the ways to the server when the first is blocked: the
 * sentences of `docs/widget.md`, against proxies that count what is open.
 */
import assert from "node:assert/strict";
import { story, until } from "../../crates/parlour/tests/clients/story.mjs";
import { check, post, runAll, thread, untilThread } from "./checks.mjs";
import { fill, Reader } from "./stage.mjs";
import { Proxy } from "./proxies.mjs";

const PATIENCE_MS = 30_000;

const counts = (tab, wanted) => untilThread({ page: tab }, (root, text) => root?.querySelector(".count")?.textContent === text, `${wanted} comments`);

/** `count` tabs of one browser at `address`. */
async function tabsAt(browser, address, count, before = () => {}) {
  const context = await browser.newContext();
  await before(context);
  const tabs = [];
  const leaders = new Set();
  for (let index = 0; index < count; index++) {
    const tab = await context.newPage();
    tab.setDefaultTimeout(PATIENCE_MS);
    tab.on("websocket", (socket) => {
      leaders.add(tab);
      socket.on("close", () => leaders.delete(tab));
    });
    await tab.goto(address);
    tabs.push(tab);
  }
  return { context, tabs, leaders };
}

check("Ten tabs hold one connection.", async ({ browser, page }) => {
  const proxy = await Proxy.open();
  const address = page({ from: proxy.address });
  await thread(address, 2);
  const { context, tabs } = await tabsAt(browser, address, 10);
  for (const tab of tabs) await counts(tab, 2);
  await fill(address, ["to all of them"]);
  for (const tab of tabs) await counts(tab, 3);
  assert.equal(proxy.websockets.size, 1);
  assert.equal(proxy.asked.filter((path) => path.startsWith("/v1/events")).length, 0);
  await context.close();
  await until(() => proxy.websockets.size === 0, "the end of the connection");
});

async function leaderLeaves(browser, page, before) {
  const proxy = await Proxy.open();
  const address = page({ from: proxy.address });
  const [{ comment }] = await thread(address, 2);
  const { context, tabs, leaders } = await tabsAt(browser, address, 4, before);
  for (const tab of tabs) await counts(tab, 2);
  await post(comment.channel, "first");
  for (const tab of tabs) await counts(tab, 3);
  await until(() => leaders.size === 1 && proxy.websockets.size === 1, "one leader");
  const [leader] = leaders;
  const [old] = proxy.websockets;
  const rest = tabs.filter((tab) => tab !== leader);
  const writes = (async () => {
    for (let number = 0; number < 20; number++) await post(comment.channel, `while it moves ${number}`);
  })();
  const closed_ms = Date.now();
  await leader.close();
  await until(() => [...proxy.websockets].some((socket) => socket !== old), "another leader");
  const took_ms = Date.now() - closed_ms;
  await writes;
  for (const tab of rest) await counts(tab, 23);
  await until(() => proxy.websockets.size === 1, "one connection");
  await context.close();
  return took_ms;
}

check("When the leading tab closes, another leads within a second, and no event is lost.", async ({ browser, page }) => {
  const took_ms = await leaderLeaves(browser, page);
  assert.ok(took_ms < 1000, `${took_ms} ms`);
});

check("Without Web Locks tabs share a connection as well.", async ({ browser, page }) => {
  await leaderLeaves(browser, page, (context) => context.addInitScript(() => delete Object.getPrototypeOf(navigator).locks));
});

check("Tabs of another server, site or identity share nothing.", async ({ browser, page }) => {
  const [one, two] = [await Proxy.open(), await Proxy.open()];
  const names = async (options) => {
    const context = await browser.newContext();
    await context.addInitScript(() => {
      const Line = BroadcastChannel;
      window.lines = [];
      window.BroadcastChannel = class extends Line {
        constructor(name) {
          super(name);
          window.lines.push(name);
        }
      };
    });
    const tab = await context.newPage();
    await tab.goto(page({ from: one.address, ...options }));
    // Asked without waiting for an answer of the server, which knows neither site nor token.
    await tab.evaluate(() => {
      const viewers = document.createElement("parlour-viewers");
      for (const { name, value } of document.querySelector("parlour-comments").attributes) viewers.setAttribute(name, value);
      document.body.append(viewers);
    });
    await tab.waitForFunction(() => window.lines.length > 0);
    const found = await tab.evaluate(() => window.lines[0]);
    await context.close();
    return found;
  };
  const token = (sub) => `h.${btoa(JSON.stringify({ sub, iat: Math.random() }))}.s`;
  const groups = [{}, { from: two.address }, { site: "other" }, { token: token("ann") }, { token: token("bob") }];
  const found = [];
  for (const options of groups) found.push(await names(options));
  assert.equal(new Set(found).size, groups.length, JSON.stringify(found));
  assert.equal(await names({ token: token("ann") }), found[3], "another token of the same person is the same group");
});

check("Where a proxy blocks WebSockets there is an event stream, where it blocks that too a long poll.", async ({ browser, page }) => {
  for (const [streams, uses] of [[true, (proxy) => proxy.streams.size === 1], [false, (proxy) => proxy.polls > 0 && proxy.streams.size === 0]]) {
    const proxy = await Proxy.open({ websockets: false, streams });
    const address = page({ from: proxy.address });
    await thread(address, 1);
    const reader = await Reader.open(browser, address);
    await reader.shows("end 0");
    await until(() => uses(proxy), streams ? "a stream" : "polls");
    await fill(address, ["through the other way"]);
    await reader.shows("through the other way");
    await reader.write("and back", { name: "Ann" });
    assert.ok(!(await reader.page.locator("parlour-comments .notice").isVisible()));
    assert.deepEqual(reader.complaints.filter((complaint) => !complaint.startsWith("request to")), []);
    await reader.close();
  }
});

story(() => runAll("Tabs and ways (`web/e2e/tabs.mjs`):", process.argv.slice(5)));
