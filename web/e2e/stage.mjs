/**
 * What the browser tests share: Chromium, readers (one context each: own storage, own connections),
 * pages of another origin than Parlour's, and a record of everything that goes over the wire. The
 * packages, the orders and the waiting are those of `crates/parlour/tests/clients`.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { line, server } from "../../crates/parlour/tests/clients/story.mjs";

const { chromium } = createRequire(new URL("../../crates/parlour/tests/clients/", import.meta.url))("playwright-core");

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A name that is no local one: a page there on plain http is no secure context.
  "--host-resolver-rules=MAP blog.example 127.0.0.1",
];
const PATIENCE_MS = 30_000;

export function launch() {
  return chromium.launch({ timeout: 120_000, executablePath: PROGRAMS.find(existsSync), args: FLAGS });
}

/** A page's text around `inside`, with room to scroll. */
export const document = (inside, { title = "A page elsewhere", style = "" } = {}) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
<style>body { font: 16px/1.5 sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem } ${style}</style>
<h1>${title}</h1><p>Some text of the page itself.</p>
${inside}
<p>The end of the page.</p></html>`;

export const embed = `<script async src="${server}/embed.js"></script>`;

/** Serves `pages` (path → document) on `a.localhost`, on a free port or this one; answers the base address. */
export async function site(pages, port = 0) {
  const listening = createServer((request, response) => {
    const page = pages[new URL(request.url, "http://a.localhost").pathname];
    response.writeHead(page ? 200 : 404, { "Content-Type": "text/html; charset=utf-8" });
    response.end(page ?? "");
  });
  await new Promise((resolve) => listening.listen(port, "127.0.0.1", resolve));
  return `http://a.localhost:${listening.address().port}`;
}

/** A browser's window and what was seen of it from outside. */
export class Reader {
  /** Requests, answers and frames: `{direction, where, text}`. */
  wire = [];
  /** Dialogs, errors, and requests to others than the page's site and Parlour. */
  complaints = [];
  #answers = [];

  /** `before` is done with the page before it goes anywhere. */
  static async open(browser, address, { before, ...options } = {}) {
    const reader = new Reader();
    reader.context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options });
    reader.page = await reader.context.newPage();
    reader.page.setDefaultTimeout(PATIENCE_MS);
    reader.#record(new URL(address).origin);
    await before?.(reader.page);
    await reader.page.goto(address);
    return reader;
  }

  #record(origin) {
    const { page, wire, complaints } = this;
    page.on("dialog", (dialog) => {
      // Leaving while something is on its way: the test means it.
      if (dialog.type() === "beforeunload") return dialog.accept();
      complaints.push(`dialog ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("pageerror", (error) => complaints.push(`error ${error.message}`));
    page.on("request", (request) => {
      const text = `${request.url()}\n${JSON.stringify(request.headers())}\n${request.postData() ?? ""}`;
      wire.push({ direction: "out", where: request.url(), text });
      const { protocol, origin: to } = new URL(request.url());
      if (protocol !== "data:" && to !== origin && ![server, line].some((ours) => to === new URL(ours).origin)) complaints.push(`request to ${request.url()}`);
    });
    page.on("response", (response) => {
      // What a script is made of is the same for all, and not of this page.
      if (/\/embed(\.js|\/)/.test(response.url())) return;
      const take = response.text().then((text) => wire.push({ direction: "in", where: response.url(), text }));
      // Answers without a body, and those that a page left behind, have no text.
      this.#answers.push(take.catch(() => {}));
    });
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => wire.push({ direction: "out", where: socket.url(), text: String(payload) }));
      socket.on("framereceived", ({ payload }) => wire.push({ direction: "in", where: socket.url(), text: String(payload) }));
    });
  }

  /** All of the wire, once every answer has been read. */
  async everything() {
    await Promise.all(this.#answers);
    return this.wire;
  }

  /** The comment with this text; its answers are in it. */
  comment(text) {
    return this.page.locator("parlour-comments article").filter({ has: this.page.locator(":scope > .content .body", { hasText: text }) });
  }

  /** Waits until the comment with this text is shown; what waits behind a button meanwhile is asked for. */
  async shows(text) {
    await this.page.waitForFunction((wanted) => {
      const root = document.querySelector("parlour-comments")?.shadowRoot;
      if ([...(root?.querySelectorAll("article > .content > .body") ?? [])].some((body) => body.textContent.includes(wanted))) return true;
      const news = root?.querySelector(".pill:not([hidden]), .foot [data-do=new]");
      news?.click();
      return false;
    }, text);
    await this.comment(text).first().waitFor();
  }

  /** Types into the thread's own form, or that of an answer to the comment `under`, and sends it; it `reads` as it was typed, or so. */
  async write(body, { name, email, under, reads = body } = {}) {
    let form = this.page.locator("parlour-comments .writing form");
    if (under) {
      const parent = this.comment(under);
      await parent.locator(":scope > .content [data-do=reply]").click();
      form = parent.locator(":scope > .form-slot form");
    }
    await form.locator("textarea").fill(body);
    if (name) await form.getByLabel("Name").fill(name);
    if (email) await form.getByLabel("E-mail").fill(email);
    await form.locator("button[type=submit]").click();
    await this.shows(reads);
  }

  /** Waits until the thread says this of its readers; "" for nothing. */
  viewers(text) {
    return this.page.waitForFunction(
      (wanted) => {
        const line = document.querySelector("parlour-comments")?.shadowRoot?.querySelector(".viewers");
        return line && (line.hidden ? "" : line.textContent) === wanted;
      },
      text,
    );
  }

  close() {
    return this.context.close();
  }
}

/** Fills a page's thread by HTTP; answers the comments. */
export async function fill(url, bodies, more = {}) {
  const read = await (await fetch(`${server}/v1/channels/page/comments?url=${encodeURIComponent(url)}`)).json();
  const comments = [];
  for (const body of bodies) {
    const answer = await fetch(`${server}/v1/channels/${encodeURIComponent(read.channel)}/comments`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ body, page: { url, title: "A page elsewhere" }, ...more }),
    });
    comments.push({ status: answer.status, ...(await answer.json()) });
  }
  return comments;
}
