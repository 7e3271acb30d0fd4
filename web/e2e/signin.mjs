/**
 * Signing in, in a real browser over HTTPS: the page on one registrable domain, Parlour on another, third-party cookies blocked; a real
 * OpenID provider (`oidc-provider`) and a real SMTP server (`aiosmtpd`). A guest who wrote signs in and says that it was them, posts,
 * reloads and is still signed in, signs out everywhere, and comes back by a letter; a page that lies gets nothing, one that isolates
 * itself signs in by signs. The domains lie on this machine, behind a proxy that the browser is told of; TLS ends here, by a certificate made for the test.
 *
 * Arguments after the usual ones: `chrome` or `firefox`, the provider's port, the SMTP server's, the folder of its package, the
 * certificate, its key.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer as createProxy } from "node:http";
import { createServer } from "node:https";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { createServer as createTls } from "node:tls";
import { server, story, until as untilSo } from "../../crates/parlour/tests/clients/story.mjs";

const [kind, providerPort, smtpPort, smtpFolder, certificate, key] = process.argv.slice(4);
const clients = (name) => createRequire(new URL(`../../crates/parlour/tests/${name}/`, import.meta.url));
const puppeteer = clients("clients")("puppeteer-core");
const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
const TALK = "https://talk.example.net";
const BLOG = "https://blog.example.org";
/** A third domain, which the blog's page asks with cookies: it gets none back. */
const OTHER = "https://other.example.com";
const PROGRAMS = {
  chrome: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  firefox: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
};
const PATIENCE_MS = 30_000;
const DOCUMENT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>A blog</title><link rel="icon" href="data:,">
<script async src="${TALK}/embed.js"></script><parlour-comments></parlour-comments></html>`;

const listen = (listening) => new Promise((resolve) => listening.listen(0, "127.0.0.1", () => resolve(listening.address().port)));

function joined(one, other) {
  for (const [from, to] of [[one, other], [other, one]]) from.pipe(to).on("error", () => from.destroy());
  one.on("error", () => other.destroy());
}

/** What the third domain was told. */
const cookiesSent = [];

/** The page, TLS in front of Parlour, and a proxy that finds both by their names; its port. */
async function domains() {
  const pages = createServer(tls, (request, response) => {
    if (request.headers.host === new URL(OTHER).host) {
      cookiesSent.push(request.headers.cookie ?? "");
      response.setHeader("Access-Control-Allow-Origin", BLOG).setHeader("Access-Control-Allow-Credentials", "true");
      response.setHeader("Set-Cookie", "third=party; Secure; SameSite=None; Path=/");
    }
    if (request.url === "/alone") response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Content-Type", "text/html; charset=utf-8").end(DOCUMENT);
  });
  const to = new URL(server);
  const talk = createTls(tls, (outside) => joined(outside, connect(to.port, to.hostname)));
  const [pagesPort, talkPort] = [await listen(pages), await listen(talk)];
  const proxy = createProxy((_, response) => response.writeHead(502).end());
  proxy.on("connect", ({ url }, outside) => {
    outside.write("HTTP/1.1 200 OK\r\n\r\n");
    joined(outside, connect(url.startsWith(new URL(TALK).host) ? talkPort : pagesPort, "127.0.0.1"));
  });
  return listen(proxy);
}

async function provide() {
  const { default: Provider } = await import(clients("clients-signin").resolve("oidc-provider"));
  const claims = (sub) => ({ sub, name: "Grace Hopper", email: "grace@example.org", email_verified: true });
  const provider = new Provider(`http://127.0.0.1:${providerPort}`, {
    // This one takes the secret in the header alone.
    clients: [{ client_id: "us", client_secret: "ours", redirect_uris: [`${TALK}/auth/callback/oidc`], token_endpoint_auth_method: "client_secret_basic" }],
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => claims(sub) }),
    pkce: { required: () => true, methods: ["S256"] },
    clientAuthMethods: ["client_secret_basic"],
    cookies: { keys: ["a key of the test"] },
  });
  await new Promise((resolve) => provider.listen(Number(providerPort), "127.0.0.1", resolve));
}

/** The letters that a real SMTP server was given, as they come; first that it is there. */
function letters() {
  const program = `
import base64, sys
from email import message_from_bytes
from aiosmtpd.controller import Controller
class Keep:
    async def handle_DATA(self, server, session, envelope):
        text = message_from_bytes(envelope.content).get_payload(decode=True)
        print(base64.b64encode(text).decode(), flush=True)
        return "250 kept"
Controller(Keep(), hostname="127.0.0.1", port=${smtpPort}).start()
print("ready", flush=True)
sys.stdin.read()
`;
  const env = { ...process.env, PYTHONPATH: smtpFolder };
  const child = spawn("python3", ["-c", program], { stdio: ["pipe", "pipe", "inherit"], env });
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

function launch(proxyPort) {
  const executablePath = PROGRAMS[kind].find(existsSync);
  const common = { browser: kind, executablePath, headless: true, acceptInsecureCerts: true, timeout: 120_000, protocolTimeout: 120_000 };
  if (kind === "chrome") {
    const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--test-third-party-cookie-phaseout", `--proxy-server=127.0.0.1:${proxyPort}`];
    return puppeteer.launch({ ...common, args });
  }
  const proxy = { "network.proxy.type": 1, "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": proxyPort };
  return puppeteer.launch({ ...common, extraPrefsFirefox: { ...proxy, "network.cookie.cookieBehavior": 1 } });
}

/** What every page shows, for whoever reads why the test failed. */
async function shown(browser) {
  const texts = (await browser.pages()).map(async (tab) => `${tab.url().split("?")[0]}\n${await tab.evaluate(() => document.body.innerText + [...document.querySelectorAll("*")].map((one) => one.shadowRoot?.textContent ?? "").join(""))}`);
  return (await Promise.allSettled(texts)).map(({ value, reason }) => value ?? reason).join("\n---\n");
}

const inThread = (selector) => `parlour-comments >>> ${selector}`;
const addresses = [];

/** A page whose every address is remembered. */
function watched(tab) {
  tab.setDefaultTimeout(PATIENCE_MS);
  tab.on("request", (request) => addresses.push(request.url()));
  tab.on("response", (response) => response.status() >= 400 && console.error(`${response.status()} ${response.url()}`));
  tab.on("pageerror", (error) => console.error(error.message));
  return tab;
}

/** What is asked of a page that is being left fails, and is asked again. */
const until = (test, what) => untilSo(() => Promise.resolve(test()).catch(() => undefined), what);

/** Waits until the page, or what is in an element's shadow, says this. */
const says = (tab, selector, text) =>
  until(async () => {
    const element = await tab.$(selector);
    return element && (await element.evaluate((shown) => shown.textContent)).includes(text);
  }, `${selector} to say ${text}`);

const bodySays = (tab, text) => says(tab, "body", text);

/** Presses a button of our own pages, or of the provider's. */
async function press(tab, text) {
  const button = await until(async () => {
    for (const one of await tab.$$("button")) if ((await one.evaluate((shown) => shown.textContent)).includes(text)) return one;
    return undefined;
  }, `a button ${text}`);
  await button.click();
}

async function fill(tab, selector, text) {
  const field = await until(() => tab.$(selector), selector);
  await field.type(text);
}

async function write(tab, text) {
  await fill(tab, inThread(".writing textarea"), text);
  await (await tab.$(inThread(".writing button[type=submit]"))).click();
  await says(tab, inThread(".feed"), text);
  await until(() => tab.$(inThread(".feed")).then((feed) => feed.evaluate((shown) => !shown.querySelector("[data-state=sending]"))), "it to be sent");
}

const clickInThread = async (tab, selector) => (await until(() => tab.$(inThread(selector)), selector)).click();

/** Opens the window by the button in the form. */
async function open(browser, tab) {
  const before = new Set(await browser.pages());
  await (await until(() => tab.$(inThread(".writing textarea")), "the form")).focus();
  await clickInThread(tab, ".sign-in");
  const popup = await until(async () => (await browser.pages()).find((one) => !before.has(one)), "the window");
  watched(popup);
  await bodySays(popup, BLOG);
  return popup;
}

async function byProvider(popup) {
  await press(popup, "Sign in with Example");
  await fill(popup, "input[name=login]", "grace");
  await fill(popup, "input[name=password]", "x");
  await press(popup, "Sign-in");
  await press(popup, "Continue");
  await bodySays(popup, "Continue as Grace Hopper");
}

const isSignedInAs = (tab, name) => says(tab, inThread(".signed-in"), name);

async function blocksThirdParties(tab) {
  for (let time = 0; time < 2; time++) await tab.evaluate((url) => fetch(url, { credentials: "include" }).then((answer) => answer.text()), OTHER);
  assert.deepEqual(cookiesSent, ["", ""], "third-party cookies are not blocked: this test would show nothing");
}

/** A page that isolates itself is cut off from its window: signs are carried over by hand. */
async function signsInCutOff(browser) {
  const tab = watched(await browser.newPage());
  await tab.goto(`${BLOG}/alone`);
  await (await until(() => tab.$(inThread(".writing textarea")), "the form")).focus();
  await until(() => tab.$(inThread(".sign-out, .sign-in")), "who is signed in");
  if (await tab.$(inThread(".sign-out"))) await clickInThread(tab, ".sign-out");
  const popup = await open(browser, tab);
  await press(popup, "Continue as");
  await says(tab, inThread(".account"), "type");
  const [, signs] = /type (\w{4}) there/.exec(await (await tab.$(inThread(".account"))).evaluate((shown) => shown.textContent));
  await fill(popup, "input[name=signs]", signs);
  await press(popup, "Sign that page in");
  await isSignedInAs(tab, "yourself");
  await tab.close();
}

/** A page that opens the window and says another's origin: the person says yes, and the code does not get to it. */
async function lies(browser) {
  const tab = watched(await browser.newPage());
  await tab.goto(OTHER);
  const before = new Set(await browser.pages());
  const secret = Buffer.from("a page that lies has a secret too").subarray(0, 32).toString("base64url");
  const challenge = createHash("sha256").update(secret).digest("base64url");
  await tab.evaluate((address) => {
    window.heard = [];
    addEventListener("message", ({ data }) => window.heard.push(data));
    window.opened = open(address);
  }, `${TALK}/auth/start?site=default&origin=${encodeURIComponent(BLOG)}&challenge=${challenge}`);
  const popup = watched(await until(async () => (await browser.pages()).find((one) => !before.has(one)), "the window"));
  await press(popup, "Continue as");
  // It hands the code over and closes.
  await until(() => tab.evaluate(() => window.opened.closed), "the window to close");
  assert.deepEqual(await tab.evaluate(() => window.heard), []);
  const refusal = await tab.evaluate(
    (url, body) => fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body }).then((answer) => answer.json()),
    `${TALK}/v1/auth/token`,
    JSON.stringify({ secret }),
  );
  assert.equal(refusal.type, "origin-not-allowed");
  await tab.close();
}

async function everything(browser, mail) {
  const tab = watched(await browser.newPage());
  await tab.goto(BLOG);
  await blocksThirdParties(tab);
  await write(tab, "as a guest");

  await byProvider(await open(browser, tab).then(async (popup) => ((await popup.bringToFront()), popup)));
  const popup = (await browser.pages()).find((one) => one.url().startsWith(TALK));
  await press(popup, "Continue as Grace Hopper");
  await isSignedInAs(tab, "Grace Hopper");
  await clickInThread(tab, ".claim-yes");
  await says(tab, inThread(".feed article"), "Grace Hopper");
  await write(tab, "the first, signed in");
  await tab.reload();
  await isSignedInAs(tab, "Grace Hopper");
  await write(tab, "the second, after a reload");
  const authors = await (await tab.$(inThread(".feed"))).evaluate((feed) => [...feed.querySelectorAll(".author")].map((author) => author.textContent));
  assert.equal(authors.filter((author) => author.includes("Grace Hopper")).length, 3, `${authors}`);

  const cookies = await browser.cookies();
  assert.deepEqual(cookies.filter(({ domain }) => domain.includes("blog")), [], "no cookie is the page's");
  const ours = cookies.filter(({ domain }) => domain.includes("talk"));
  assert.deepEqual(ours.map(({ name, secure, httpOnly, sameSite }) => [name, secure, httpOnly, sameSite]), [["__Host-parlour", true, true, "Lax"]]);
  const token = await tab.evaluate(() => Object.values(localStorage).map((text) => JSON.parse(text)).find(({ account }) => account).account.token);
  const status = () => tab.evaluate((url, bearer) => fetch(url, { headers: { Authorization: `Bearer ${bearer}` } }).then((answer) => answer.status), `${TALK}/v1/me`, token);
  assert.equal(await status(), 200);
  assert.ok(addresses.length > 10 && !addresses.some((address) => address.includes(token) || address.includes(ours[0].value)), "nothing secret is in an address");

  await clickInThread(tab, ".sign-out-everywhere");
  await until(() => tab.$(inThread(".sign-in")), "the button");
  assert.equal(await status(), 401);
  await tab.reload();

  const again = await open(browser, tab);
  await bodySays(again, "Send me a link");
  assert.ok(!(await again.content()).includes("Continue as"), "the browser is signed out too");
  await fill(again, "input[type=email]", "ada@example.org");
  await press(again, "Send me a link");
  const letter = Buffer.from((await mail.next()).value, "base64").toString();
  const link = watched(await browser.newPage());
  await link.goto(/https:\/\/talk\S+/.exec(letter)[0]);
  await until(() => !link.url().split("#")[1], "the ticket to leave the address");
  await press(link, "Sign in");
  await bodySays(link, "You are signed in");
  await link.close();
  await press(again, "Continue as ada@example.org");
  await isSignedInAs(tab, "yourself");
  await write(tab, "by a letter");
  await tab.close();
  await lies(browser);
  await signsInCutOff(browser);
}

// The library readies each page that it meets, and nobody waits for that: in a page that is being left it fails.
process.on("unhandledRejection", (error) => {
  if (error?.name !== "ProtocolError") throw error;
  console.error(error.message);
});

story(async () => {
  await provide();
  const mail = letters();
  assert.equal((await mail.next()).value, "ready");
  const browser = await launch(await domains());
  try {
    await everything(browser, mail);
  } catch (error) {
    console.error(await shown(browser));
    throw error;
  } finally {
    await browser.close();
  }
});
