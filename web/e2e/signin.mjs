/**
 * Signing in, in a real browser over HTTPS: the page on one registrable domain, Parlour on another, third-party cookies blocked; a real
 * OpenID provider (`oidc-provider`) and a real SMTP server (`aiosmtpd`). Somebody signs in, posts, reloads and is still signed in, signs
 * out everywhere, and comes back by a letter. Both domains lie on this machine: TLS ends here, by a certificate made for the test.
 *
 * Arguments after the usual ones: the provider's port, the SMTP server's, the certificate, its key.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { createServer as createTls } from "node:tls";
import { server, story } from "../../crates/parlour/tests/clients/story.mjs";

const [providerPort, smtpPort, certificate, key] = process.argv.slice(-4);
const clients = (name) => createRequire(new URL(`../../crates/parlour/tests/${name}/`, import.meta.url));
const { chromium } = clients("clients")("playwright-core");
const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
const TALK = "https://talk.example.net";
const BLOG = "https://blog.example.org";
const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const listen = (listening) => new Promise((resolve) => listening.listen(0, "127.0.0.1", () => resolve(listening.address().port)));

/** The page, and TLS in front of Parlour. */
async function domains() {
  const document = `<!doctype html><html lang="en"><meta charset="utf-8"><title>A blog</title><link rel="icon" href="data:,">
<script async src="${TALK}/embed.js"></script><parlour-signin></parlour-signin><parlour-comments></parlour-comments></html>`;
  const blog = createServer(tls, (_, response) => response.setHeader("Content-Type", "text/html; charset=utf-8").end(document));
  const to = new URL(server);
  const talk = createTls(tls, (outside) => {
    const inside = connect(to.port, to.hostname);
    for (const [one, other] of [[outside, inside], [inside, outside]]) one.pipe(other).on("error", () => one.destroy());
    outside.on("error", () => inside.destroy());
  });
  return `MAP talk.example.net:443 127.0.0.1:${await listen(talk)}, MAP blog.example.org:443 127.0.0.1:${await listen(blog)}`;
}

async function provide() {
  const { default: Provider } = await import(clients("clients-signin").resolve("oidc-provider"));
  const claims = (sub) => ({ sub, name: "Grace Hopper", email: "grace@example.org", email_verified: true });
  const provider = new Provider(`http://127.0.0.1:${providerPort}`, {
    clients: [
      {
        client_id: "us",
        client_secret: "ours",
        redirect_uris: [`${TALK}/auth/callback/oidc`],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => claims(sub) }),
    pkce: { required: () => true, methods: ["S256"] },
    cookies: { keys: ["a key of the test"] },
  });
  await new Promise((resolve) => provider.listen(Number(providerPort), "127.0.0.1", resolve));
}

/** The letters that a real SMTP server was given, as they come. */
function letters() {
  const program = `
import base64, sys, time
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
  const child = spawn("/usr/bin/python3", ["-c", program], { stdio: ["pipe", "pipe", "inherit"] });
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

/** Opens the window by the page's button. */
async function open(page) {
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.locator("parlour-signin [part~=sign-in]").click()]);
  await popup.getByText(BLOG).waitFor();
  return popup;
}

const isSignedInAs = (page, name) => page.locator("parlour-signin [role=status]", { hasText: name }).waitFor();

async function post(page, text) {
  const form = page.locator("parlour-comments form").first();
  await form.locator("textarea").fill(text);
  await form.locator("button[type=submit]").click();
  await page.locator("parlour-comments article", { hasText: text }).waitFor();
}

story(async () => {
  await provide();
  const mail = letters();
  assert.equal((await mail.next()).value, "ready");
  const browser = await chromium.launch({
    executablePath: PROGRAMS.find(existsSync),
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--test-third-party-cookie-phaseout", `--host-resolver-rules=${await domains()}`],
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const addresses = [];
  context.on("request", (request) => addresses.push(request.url()));
  await page.goto(BLOG);

  const popup = await open(page);
  await popup.getByRole("button", { name: "Sign in with Example" }).click();
  await popup.locator("input[name=login]").fill("grace");
  await popup.locator("input[name=password]").fill("x");
  await popup.locator("button[type=submit]").click();
  await popup.getByRole("button", { name: "Continue" }).click();
  await popup.getByRole("button", { name: "Continue as Grace Hopper" }).click();
  await isSignedInAs(page, "Grace Hopper");
  await post(page, "the first, signed in");
  await page.reload();
  await isSignedInAs(page, "Grace Hopper");
  await post(page, "the second, after a reload");
  assert.match(await page.locator("parlour-comments article").first().innerText(), /Grace Hopper/);

  const cookies = await context.cookies();
  assert.deepEqual(cookies.filter(({ domain }) => domain.includes("blog")), [], "no cookie is the page's");
  const ours = cookies.filter(({ domain }) => domain.includes("talk"));
  assert.deepEqual(ours.map(({ name, secure, httpOnly, sameSite }) => [name, secure, httpOnly, sameSite]), [["__Host-parlour", true, true, "Lax"]]);
  const kept = JSON.parse(await page.evaluate(() => Object.entries(localStorage).find(([name]) => name.endsWith("signed-in"))[1]));
  assert.ok(!addresses.some((address) => address.includes(kept.token) || address.includes(ours[0].value)), "nothing secret is in an address");

  await page.locator("parlour-signin [part~=sign-out-everywhere]").click();
  await page.locator("parlour-signin [part~=sign-in]").waitFor();
  const refused = await page.evaluate(([url, token]) => fetch(url, { headers: { Authorization: `Bearer ${token}` } }).then(({ status }) => status), [`${TALK}/v1/me`, kept.token]);
  assert.equal(refused, 401);
  await page.reload();
  await page.locator("parlour-signin [part~=sign-in]").waitFor();

  const again = await open(page);
  assert.equal(await again.getByText("Continue as").count(), 0, "the browser is signed out too");
  await again.locator("input[type=email]").fill("ada@example.org");
  await again.getByRole("button", { name: "Send me a link" }).click();
  const letter = Buffer.from((await mail.next()).value, "base64").toString();
  const link = await context.newPage();
  await link.goto(/https:\/\/\S+/.exec(letter)[0]);
  assert.ok(!link.url().includes("#") || link.url().endsWith("#"), "the ticket does not stay in the address");
  await link.getByRole("button", { name: "Sign in" }).click();
  await link.getByText("You are signed in").waitFor();
  await again.getByRole("button", { name: "Continue as ada@example.org" }).click();
  await isSignedInAs(page, "Signed in");
  await post(page, "by a letter");
});
