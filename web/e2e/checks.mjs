/**
 * Checks by name, in one browser: each is a sentence of `docs/widget.md` and gets a page of its own, on
 * another origin than Parlour's. All run, and what fails is told in the end. Relies on `stage.mjs`.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { line, server, until } from "../../crates/parlour/tests/clients/story.mjs";
import { fill, launch, Reader } from "./stage.mjs";

const checks = [];

/** `act` gets `{browser, page}`; `page(options)` is the address of a page that no other check has. */
export const check = (sentence, act) => checks.push([sentence, act]);

const STYLE = "body { font: 16px/1.5 sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }";

/** What is on a page: its options come as parameters, so that one server has all pages. */
function documentOf(options) {
  const { sort, lang, dir, limit, spa, site, token, element = "parlour-comments", channel, faces, space, extra = "", canonical } = options;
  const attributes = Object.entries({ sort, lang, limit, channel, site, token, faces, "title-count": options.title }).filter(([, value]) => value).map(([name, value]) => ` ${name}="${value}"`).join("");
  const from = options.from ?? (options.line ? line : server);
  const nonce = options.csp ? ' nonce="n"' : "";
  return `<!doctype html><html lang="${lang ?? "en"}"${dir ? ` dir="${dir}"` : ""}><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">${canonical ? `<link rel="canonical" href="${canonical}">` : ""}
<style${nonce}>${STYLE}</style><h1>A page</h1><p>${"Some text of the page itself. ".repeat(8)}</p>
<script async src="${from}/embed.js" data-manual></script>${space ? `<div style="height: ${space}px"></div>` : ""}${extra}
<${element}${attributes}></${element}>${spa ? "" : '<p id="end">The end of the page.</p>'}</html>`;
}

const POLICY = `default-src 'none'; script-src ${server}; style-src 'nonce-n'; img-src data: ${server}; connect-src ${server} ${server.replace("http", "ws")}; require-trusted-types-for 'script'; trusted-types parlour`;

/** Address → what the page there has inside its element. */
export const brought = new Map();

/** Serves the pages of all checks on `a.localhost`, on a free port or this one. */
export async function pages(port = 0) {
  const listening = createServer((request, response) => {
    const options = Object.fromEntries(new URL(request.url, "http://a.localhost").searchParams);
    const headers = { "Content-Type": "text/html; charset=utf-8", ...(options.csp && { "Content-Security-Policy": POLICY }) };
    const inside = brought.get(`http://a.localhost:${listening.address().port}${request.url}`) ?? "";
    response.writeHead(200, headers).end(documentOf(options).replace("></parlour-comments>", () => `>${inside}</parlour-comments>`));
  });
  await new Promise((resolve) => listening.listen(port, "127.0.0.1", resolve));
  let last = 0;
  return (options = {}) => `http://a.localhost:${listening.address().port}/page${++last}?${new URLSearchParams(options)}`;
}

/** All sentences of the docs' list under `heading`. */
export function sentencesOf(heading) {
  const text = readFileSync(new URL("../../docs/widget.md", import.meta.url), "utf8");
  const section = text.slice(text.indexOf(heading) + heading.length).split(/\n(?=#|[A-Z][^\n]*:\n)/)[0];
  return [...section.matchAll(/^- (.+)$/gm)].map(([, sentence]) => sentence);
}

/** Runs all checks, or those whose sentence holds one of `words` (`half=1` and `half=2`: every other one; `minute` is for one of them); fails when one failed, or one of the docs' sentences is none. */
export async function runAll(heading, asked = [], port = 0) {
  const half = asked.find((word) => /^half=[12]$/.test(word));
  const words = asked.filter((word) => word !== half && word !== "minute");
  const browser = await launch();
  const page = await pages(port);
  const failed = [];
  for (const [index, [sentence, act]] of checks.entries()) {
    if (half && index % 2 !== Number(half.at(-1)) - 1) continue;
    if (words.length && !words.some((word) => sentence.includes(word))) continue;
    const started_ms = Date.now();
    const readers = [];
    const open = async (address, options) => {
      const reader = await Reader.open(browser, address, options);
      readers.push(reader);
      return reader;
    };
    try {
      await act({ browser, page, open });
      for (const { complaints } of readers) assert.deepEqual(complaints, []);
      console.log(`ok ${sentence} (${Date.now() - started_ms} ms)`);
    } catch (error) {
      failed.push(sentence);
      console.log(`NOT OK ${sentence} (${Date.now() - started_ms} ms)\n${error.stack}`);
    }
    for (const reader of readers) await reader.close().catch(() => {});
  }
  await browser.close();
  assert.deepEqual(failed, []);
  if (!words.length) assert.deepEqual(checks.map(([sentence]) => sentence).sort(), sentencesOf(heading).sort());
}

/** Runs in the thread's shadow root. */
export const inThread = ({ page }, act, argument) => page.evaluate(`(${act})(document.querySelector("parlour-comments").shadowRoot, ${JSON.stringify(argument ?? null)})`);

/** Waits until `act`, run in the thread's shadow root, answers something true. */
export const untilThread = ({ page }, act, argument) =>
  page.waitForFunction(`(() => { const root = document.querySelector("parlour-comments")?.shadowRoot; return root && (${act})(root, ${JSON.stringify(argument ?? null)}); })()`);

/** Does something that changes nothing by itself, until `act`, run in the thread's shadow root, answers something true. */
export const doUntil = (reader, act) =>
  until(async () => {
    await reader.page.keyboard.press("Shift");
    return inThread(reader, act);
  }, `${act}`);

const paragraph = (number) => `Comment ${number}: ${"some words to be read, ".repeat(8)}and its end ${number}.`;

/** A thread of `count` comments at `address`. */
export const thread = (address, count, more) => fill(address, Array.from({ length: count }, (_, number) => paragraph(number)), { author: { name: "Old" }, ...more });

/** Posts without a browser; `as` is a guest's token. */
export async function post(channel, body, { as, ...more } = {}) {
  const headers = { "Content-Type": "application/json", ...(as && { Authorization: `Bearer ${as}` }) };
  const answer = await fetch(`${server}/v1/channels/${encodeURIComponent(channel)}/comments`, { method: "POST", headers, body: JSON.stringify({ body, ...more }) });
  assert.equal(answer.status, 201);
  return answer.json();
}

/** A reader of a thread of `count` comments, the first of which is answered. */
export async function openAnswered(page, open, count) {
  const address = page();
  const [{ comment }] = await thread(address, count);
  await post(comment.channel, "an answer", { parent: comment.id });
  const reader = await open(address);
  await reader.shows("an answer");
  return reader;
}

/** A page at `address` whose server also says what `say` is given, once it has said `sign` itself; `before` is done first. */
export async function openTold(open, address, sign, before) {
  let socket;
  let said;
  const isSaid = new Promise((resolve) => (said = resolve));
  const reader = await open(address, {
    before: async (tab) => {
      await before?.(tab);
      await tab.routeWebSocket(/connection/, (route) => {
        socket = route;
        route.connectToServer().onMessage((frame) => {
          route.send(frame);
          if (String(frame).includes(sign)) said();
        });
      });
    },
  });
  await reader.shows("end 0");
  await isSaid;
  return { reader, say: (frames) => socket.send(frames) };
}

export async function remove(id, token) {
  const answer = await fetch(`${server}/v1/comments/${id}`, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
  assert.ok(answer.ok, `${answer.status}`);
}

/** What the server has of a thread, oldest first. */
export async function stored(address) {
  const answer = await fetch(`${server}/v1/channels/page/comments?limit=100&sort=oldest&url=${encodeURIComponent(address)}`);
  return (await answer.json()).comments;
}

/** Reads somewhere in the middle: scrolls there, and remembers the first comment in view and where it stands. */
export async function readMiddle({ page }, index = 12) {
  await page.locator("parlour-comments article").nth(index).evaluate((article) => article.scrollIntoView({ block: "start", behavior: "instant" }));
  await page.mouse.wheel(0, 57);
  await page.evaluate(async () => {
    await new Promise((turn) => requestAnimationFrame(() => requestAnimationFrame(turn)));
    const contents = [...document.querySelector("parlour-comments").shadowRoot.querySelectorAll(".content")];
    const first = contents.find((content) => content.getBoundingClientRect().bottom > 0);
    window.reading = first;
    window.readingTop = first.getBoundingClientRect().top;
    window.readingMoved = 0;
    const look = () => {
      window.readingMoved = Math.max(window.readingMoved, Math.abs(first.getBoundingClientRect().top - window.readingTop));
      requestAnimationFrame(look);
    };
    look();
  });
}

/** By how much it has moved at most, in any frame. */
export const moved = ({ page }) =>
  page.evaluate(async () => {
    await new Promise((turn) => requestAnimationFrame(() => requestAnimationFrame(turn)));
    return window.readingMoved;
  });
