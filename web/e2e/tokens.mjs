/**
 * `token-url` in a real browser: the page's own site signs the tokens, and is asked at the start and again before each of them ends; what
 * is written goes under the name that it vouches for, with no token ever refused.
 *
 * Arguments after the usual ones: the page's port, the secret.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { story } from "../../crates/parlour/tests/clients/story.mjs";
import { document, embed, launch, Reader } from "./stage.mjs";

const [port, secret] = process.argv.slice(-2);
/** Short, so that a test sees several. */
const LIFE_S = 6;
const asked = [];

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function token() {
  const exp = Math.floor(Date.now() / 1000) + LIFE_S;
  asked.push({ at_ms: Date.now(), exp });
  const text = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded({ sub: "42", name: "Ada Lovelace", exp })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

story(async () => {
  const page = document(`<parlour-comments token-url="/token"></parlour-comments>${embed}`);
  const site = createServer((request, response) => {
    const isToken = request.url === "/token";
    response.setHeader("Content-Type", isToken ? "application/json" : "text/html; charset=utf-8");
    response.end(isToken ? JSON.stringify({ token: token() }) : page);
  });
  await new Promise((resolve) => site.listen(Number(port), "127.0.0.1", resolve));
  const browser = await launch();
  const refused = [];
  const reader = await Reader.open(browser, `http://a.localhost:${port}/`, {
    before: (tab) => tab.on("response", (answer) => answer.status() === 401 && refused.push(answer.url())),
  });
  await reader.write("with the first token");
  assert.equal(asked.length, 1, "asked once at the start, by all that needs it");
  // What is on its way has no name yet.
  const isSaidBy = (text) => reader.comment(text).locator(".author", { hasText: "Ada Lovelace" }).waitFor();
  await isSaidBy("with the first token");
  await reader.page.waitForFunction((until_ms) => Date.now() > until_ms, asked[0].exp * 1000 + 1_000);
  await reader.write("when the first is over");
  await isSaidBy("when the first is over");
  assert.ok(asked.length >= 2);
  asked.slice(1).forEach(({ at_ms }, index) => assert.ok(at_ms < asked[index].exp * 1000, `asked for number ${index + 2} after the one before had ended`));
  assert.deepEqual(refused, [], "no token was refused");
  assert.deepEqual(reader.complaints, []);
  await browser.close();
});
