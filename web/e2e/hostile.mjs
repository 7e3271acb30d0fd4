/**
 * Texts that want to be programs, in every field that a stranger fills, opened in Chromium where they are
 * shown: the elements, `comments.html` and its fragment, the feeds. None may do anything, whatever happens
 * to the page around it. The cases are those of the renderer's own tests; documents and feeds are opened
 * without the policy that the server sends with them, so that what is clean is the markup itself. In the end the
 * same is done with a server that would let through what people write, which has to be noticed.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { server, story } from "../../crates/parlour/tests/clients/story.mjs";
import { document as pageOf, embed, launch, Reader, site } from "./stage.mjs";

const [, secret] = process.argv.slice(4);
const CASES = JSON.parse(readFileSync(new URL("../../cases/hostile.json", import.meta.url), "utf8"));
/** Comments that a feed has. */
const GROUP = 50;
const AT_ONCE = 16;
const PAGES_AT_ONCE = 3;
/** Documents opened in one page. */
const FRAMES = 110;
/** Attributes by which markup leads somewhere, and where that may be. */
const LEADING = ["href", "src", "action", "formaction", "srcset", "data", "poster", "background", "cite", "ping", "xlink:href"];

const groups = Array.from({ length: Math.ceil(CASES.length / GROUP) }, (_, at) => CASES.slice(at * GROUP, (at + 1) * GROUP));
const cut = (text, most) => [...text].slice(0, most).join("");
/** What of a case can be a channel's name. */
const channelOf = (text, at) => `h${at}` + cut(text.replace(/[\s\p{C}{}*]/gu, ""), 40);
const encode = encodeURIComponent;

/** A token as the site's own server would sign it: every claim is somebody's to choose. */
function token(text, at) {
  const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const claims = { sub: cut(`${at}${text}`.replace(/\p{C}/gu, ""), 40), exp: Math.floor(Date.now() / 1000) + 3600, name: cut(text, 60), picture: text, avatar: text, email: text, email_verified: true, profile: text, website: text };
  const head = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${head}.${createHmac("sha256", secret).update(head).digest("base64url")}`;
}

/** A comment, as it is answered; `at` names the channel as paths do. */
async function send(at, body, as) {
  const headers = { "Content-Type": "application/json", ...(as && { Authorization: `Bearer ${as}` }) };
  const answer = await fetch(`${server}/v1/channels/${at}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, ...(await answer.json()) };
}

/** A comment, which is taken; answers its channel. */
async function write(at, body, as) {
  const { status, comment, ...problem } = await send(at, body, as);
  assert.equal(status, 201, `${JSON.stringify(problem)}: ${JSON.stringify(body)}`);
  return comment.channel;
}

/** How paths name the comments of a channel, and those of a page by its address or id. */
const inChannel = (channel) => `${encode(channel)}/comments`;
const onPage = (url, id) => `page/comments?${id ? `id=${encode(id)}` : `url=${encode(url)}`}`;

/** Does it with all, some at a time; what each came to. */
async function all(items, act, atOnce = AT_ONCE) {
  const done = [];
  for (let from = 0; from < items.length; from += atOnce) done.push(...(await Promise.all(items.slice(from, from + atOnce).map((item, at) => act(item, from + at)))));
  return done;
}

/** Runs before any script of any frame: notes whatever only a comment that came to life would call. */
function listen() {
  const note = (what) => {
    (globalThis.top.done ??= []).push(what);
  };
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) globalThis[name] = (text) => note(`${name} ${text}`);
  addEventListener("securitypolicyviolation", (event) => note(`${event.violatedDirective} ${event.blockedURI}`));
  addEventListener("submit", (event) => note(`submit ${event.target.action}`), true);
}

/** In a frame: what could run, load or lead somewhere bad, once everything that can happen to a node has. */
function look(leading) {
  const found = [];
  const bodies = /^(p|br|em|strong|del|pre|blockquote|ul|ol|li|code|a)$/;
  const roots = [document];
  for (const root of roots) {
    const body = root instanceof ShadowRoot ? ".body" : "article > div";
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) roots.push(element.shadowRoot);
      const { localName: name, namespaceURI: space } = element;
      const isBad = /^(iframe|frame|object|embed|base|applet|portal)$/.test(name) || (name === "meta" && element.httpEquiv);
      if (isBad && !element.hasAttribute("data-own")) found.push(element.outerHTML.slice(0, 200));
      if (element.parentElement?.closest(body) && (space !== "http://www.w3.org/1999/xhtml" || !bodies.test(name))) {
        found.push(`in a body: ${element.outerHTML.slice(0, 200)}`);
      }
      for (const { name: attribute, value } of element.attributes) {
        if (/^on|^srcdoc$/i.test(attribute)) found.push(element.outerHTML.slice(0, 200));
        if (!leading.includes(attribute.toLowerCase()) || name === "script") continue;
        const to = URL.canParse(value, location.href) ? new URL(value, location.href).protocol : "";
        const own = element.hasAttribute("data-own") || ["data:", "blob:"].includes(to) ? /^(link|img)$/.test(name) || element.hasAttribute("data-own") : true;
        if (!/^(https?|mailto|data|blob):$/.test(to) || !own) found.push(`${attribute}: ${element.outerHTML.slice(0, 200)}`);
      }
      // Not what is the page's own: its buttons do what they are there for.
      if (!element.closest(`${body}, .author, h1, .title`)) continue;
      for (const kind of ["mouseover", "mouseenter", "pointerover", "focus", "load", "error", "toggle", "animationstart", "wheel"]) {
        element.dispatchEvent(new Event(kind, { bubbles: false }));
      }
    }
  }
  // Frames are there by their numbers.
  return { found, globals: Object.getOwnPropertyNames(globalThis).filter((name) => !(Number(name) < globalThis.length)) };
}

/** In a page: what of these documents and feeds does not belong there. */
function foreign([documents, feeds]) {
  const own = ["http://www.w3.org/2005/Atom", "http://purl.org/syndication/thread/1.0"];
  const parsed = (texts, kind) => texts.flatMap((text) => [...new DOMParser().parseFromString(text, kind).querySelectorAll("*")]);
  const told = parsed(feeds, "application/xml").filter((element) => !own.includes(element.namespaceURI));
  const expected = /^(html|head|meta|title|link|body|main|h1|p|a|b|div|ol|li|article|header|span|time|br|em|strong|del|pre|blockquote|ul|code)$/;
  const shown = parsed(documents, "text/html").filter(
    (element) => !expected.test(element.localName) || [...element.attributes].some(({ name }) => !/^(lang|charset|name|content|rel|type|href|class|id|datetime|data-parlour-[a-z]+)$/.test(name)),
  );
  return [...told, ...shown].map((element) => element.outerHTML);
}

class Watch {
  #own = new Set();

  constructor(browser, base) {
    Object.assign(this, { browser, base });
  }

  /** Opens a page, with what is done in it before anything of it is looked at. */
  async open(address, ready, { tell } = {}) {
    const before = async (page) => {
      await page.addInitScript(listen);
      await tell?.(page);
    };
    const reader = await Reader.open(this.browser, address, { before });
    reader.strays = [];
    reader.context.on("page", (page) => reader.strays.push(`a window ${page.url()}`));
    reader.page.on("framenavigated", (frame) => frame === reader.page.mainFrame() && reader.strays.push(`went to ${frame.url()}`));
    await ready?.(reader.page);
    return reader;
  }

  /** What happened in a page and its frames that was not to happen. */
  async heard(reader) {
    const heard = [...reader.complaints, ...reader.strays, ...((await reader.page.evaluate(() => globalThis.done)) ?? [])];
    for (const frame of reader.page.frames()) {
      const { found, globals } = await frame.evaluate(look, LEADING);
      heard.push(...found, ...globals.filter((name) => !this.#own.has(name)).map((name) => `a global ${name}`));
    }
    heard.push(...((await reader.page.evaluate(() => globalThis.done)) ?? []));
    return heard;
  }

  /** Learns what globals a harmless page has. */
  async learn(address, ready, options) {
    const reader = await this.open(address, ready, options);
    for (const frame of reader.page.frames()) (await frame.evaluate(look, LEADING)).globals.forEach((name) => this.#own.add(name));
    this.#own.add("done");
    await reader.close();
  }

  async nothing(address, ready, options) {
    const reader = await this.open(address, ready, options);
    const heard = await this.heard(reader);
    await reader.close();
    assert.deepEqual(heard, [], address);
  }
}

/** Serves, at Parlour's own origin, a page of frames; and what is in them without their policy, changed by `spoil`. */
const frames = (paths, spoil = (text) => text) => async (page) => {
  await page.route(`${server}/frames`, (route) =>
    route.fulfill({ contentType: "text/html", body: `<!doctype html><meta charset=utf-8><link rel=icon href=data:,>${paths.map((path) => `<iframe data-own src="${path.replaceAll("&", "&amp;").replaceAll('"', "%22")}"></iframe>`).join("")}` }),
  );
  await page.route(/\/comments\.(html|atom)/, async (route) => {
    const answer = await route.fetch();
    assert.equal(answer.status(), 200, route.request().url());
    await route.fulfill({ status: 200, contentType: answer.headers()["content-type"], body: spoil(await answer.text()) });
  });
};
const loaded = (page) => page.waitForLoadState("load");

/** The thread's element has shown all of its comments. */
const shown = (count) => async (page) => {
  await page.locator("parlour-comments h2", { hasText: `${count} comment` }).waitFor();
  await page.waitForFunction((wanted) => document.querySelector("parlour-comments").shadowRoot.querySelectorAll("article").length >= wanted, count);
};

/** Elements made by a script, each with a hostile attribute. */
const elements = (name, attribute, values) => `<script>addEventListener("DOMContentLoaded", () => { for (const value of ${JSON.stringify(values).replaceAll("<", "\\u003c")}) {
  const element = document.createElement(${JSON.stringify(name)});
  element.setAttribute(${JSON.stringify(attribute)}, value);
  document.body.append(element);
} })</script>`;
const eachShown = (name) => (page) =>
  page.waitForFunction((wanted) => [...document.querySelectorAll(wanted)].every((element) => element.shadowRoot?.querySelector(".body")) && document.querySelector(wanted), name);

/** What a page was let do is heard: a window that opens, a script in a body, and more. */
async function noticed(watch, reader, ...more) {
  await reader.page.waitForFunction(() => globalThis.done?.length, null, { polling: 100 });
  const kinds = (await watch.heard(reader)).map((what) => what.slice(0, 40)).sort().join("\n");
  for (const kind of [/^alert 1/m, /^in a body: <script/m, ...more]) assert.match(kinds, kind);
}

story(async () => {
  const started_ms = Date.now();
  const say = (what) => console.log(`${what} (${Date.now() - started_ms} ms)`);
  const pages = { "/none": pageOf(embed) };
  const base = await site(pages);
  const browser = await launch();
  const watch = new Watch(browser, base);
  const page = (url, more = {}) => ({ url, title: "A page", ...more });

  // Bodies, names that guests choose and claims of tokens: as many in a thread as a feed has.
  const threads = [];
  // Guests first: what a member is called is no guest's name.
  for (const kind of ["guests", "members"]) {
    for (const [number, cases] of groups.entries()) {
      const path = `/${kind}${number}`;
      pages[path] = pageOf(embed);
      const channels = await all(cases, (text, at) => {
        const body = { body: text, ...(kind === "guests" && { author: { name: cut(text, 60) } }), page: page(base + path) };
        return write(onPage(base + path), body, kind === "members" && token(text, `${number}-${at}-`));
      });
      threads.push({ path, count: cases.length, channel: channels[0] });
    }
  }
  say("written: bodies, names and claims");
  await watch.learn(`${base}/none`, (page) => page.locator("parlour-comments textarea").first().waitFor());
  await watch.learn(`${server}/frames`, loaded, { tell: frames(["/v1/channels/lobby/comments.html", "/v1/channels/lobby/comments.atom"]) });
  await all(threads, ({ path, count }) => watch.nothing(base + path, shown(count)), PAGES_AT_ONCE);
  say("read in the element");
  const written = threads.flatMap(({ channel }) => [`/v1/channels/${channel}/comments.html`, `/v1/channels/${channel}/comments.atom`]);
  await watch.nothing(`${server}/frames`, loaded, { tell: frames(written) });
  // The fragment in somebody's page, before and without the script that takes it over.
  const fragments = await all(threads, async ({ channel }) => (await fetch(`${server}/v1/channels/${channel}/comments.html?fragment`)).text());
  pages["/fragments"] = pageOf(fragments.join("\n"));
  await watch.nothing(`${base}/fragments`, loaded);
  say("read as documents, feeds and fragments");

  // Titles, addresses and ids of pages; and addresses that are nothing else, which nobody takes.
  const titled = [];
  for (const [number, cases] of groups.entries()) {
    const channels = await all(cases, (text, at) => {
      const url = `${base}/titled/${number}/${at}?x=${text}#${text}`;
      return write(onPage(url, text), { body: "one", page: page(url, { id: text, title: cut(text, 300) }) });
    });
    titled.push(...channels);
    await watch.nothing(`${server}/frames`, loaded, { tell: frames(["/v1/sites/default/comments.atom"]) });
  }
  await all(CASES, async (text) => {
    const { status } = await send(onPage(base), { body: "one", page: { url: text, title: "x" } });
    assert.ok([400, 403, 422].includes(status), `a page of ${text}: ${status}`);
  });
  const named = await all(CASES, (text, at) => write(inChannel(channelOf(text, at)), { body: text }));
  say("written: pages and channels");
  const paths = titled.map((channel) => `/v1/channels/${encode(channel)}/comments.html`);
  for (let from = 0; from < paths.length; from += FRAMES) await watch.nothing(`${server}/frames`, loaded, { tell: frames(paths.slice(from, from + FRAMES)) });
  // Of a channel's name alone it is enough that the browser finds no markup in it: frames take their time, above all with feeds.
  const papers = (ending) => all(named, async (channel) => (await fetch(`${server}/v1/channels/${encode(channel)}/comments.${ending}`)).text());
  const reader = await watch.open(`${base}/none`);
  assert.deepEqual(await reader.page.evaluate(foreign, [await papers("html"), await papers("atom")]), []);
  await reader.close();
  say("read as documents and feeds");
  for (const [number, cases] of groups.entries()) {
    const names = cases.map((text, at) => channelOf(text, number * GROUP + at));
    for (const [name, attribute, values] of [["parlour-comments", "page-id", cases], ["parlour-chat", "channel", names]]) {
      const path = `/${name}${number}`;
      pages[path] = pageOf(embed.replace("></script>", " data-manual></script>") + elements(name, attribute, values));
      await watch.nothing(base + path, eachShown(name));
    }
  }
  say("read in elements of their names");

  // What a sanitiser would let through is noticed, by what it does and by what it is, wherever it is shown.
  const raw = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
  const [{ path, count, channel }] = threads;
  const spoilt = await watch.open(base + path, shown(count));
  await spoilt.page.evaluate((bodies) => {
    const shownBodies = document.querySelector("parlour-comments").shadowRoot.querySelectorAll("article .body");
    for (const [at, body] of [...shownBodies].entries()) body.innerHTML = bodies[at];
  }, groups[0]);
  // At once: what is let through may also lead the page elsewhere, which then knows nothing of it.
  await noticed(watch, spoilt, /^request to .*evil/m, /^in a body: <svg/m);
  // In a document the first element that is never closed swallows those that would ask others for something.
  await noticed(watch, await watch.open(`${server}/frames`, loaded, { tell: frames([`/v1/channels/${channel}/comments.html`], raw) }));
  say("a server that lets it through is noticed");
  assert.equal((await fetch(`${server}/healthz`)).status, 200);
  await browser.close();
});
