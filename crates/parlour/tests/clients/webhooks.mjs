/**
 * Receivers of webhooks that are not ours: one that verifies with npm's `standardwebhooks`, one that never answers, one where nobody
 * listens, one that points elsewhere, and one that comes up late. Told in which order things happen, by which node, and how often.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";
import { Heard, order, server, story } from "./story.mjs";

const [secret, token, ports, others] = process.argv.slice(4);
const [good, slow, dead, redirecting, elsewhere, late] = ports.split(",").map(Number);
const nodes = [server, ...others.split(",").filter(Boolean)];
const PAGE = "https://blog.example/post";
/** Longer than a post takes, far shorter than the receivers that do not answer. */
const POST_MS_MAX = 5_000;

const listen = (port, serve) => new Promise((resolve) => createServer(serve).listen(port, "127.0.0.1", resolve));

async function text(request) {
  let body = "";
  for await (const part of request) body += part;
  return body;
}

/** Takes what is signed well; the messages about a comment in `refused` are answered 500 the first time. */
class Receiver {
  heard = new Heard();
  tries = new Map();
  refused = new Set();

  async serve(request, response) {
    const body = await text(request);
    let message;
    try {
      message = new Webhook(secret).verify(body, request.headers);
      assert.throws(() => new Webhook(secret).verify(`${body} `, request.headers));
    } catch (error) {
      this.heard.push({ fault: String(error) });
      return response.writeHead(400).end();
    }
    const id = request.headers["webhook-id"];
    const tries = (this.tries.get(id) ?? 0) + 1;
    this.tries.set(id, tries);
    const about = message.data.comment?.id ?? message.data.id;
    if (tries === 1 && message.type === "comment.created" && this.refused.has(message.data.comment.body)) {
      this.heard.push({ refused: about, type: "refused" });
      return response.writeHead(500).end();
    }
    this.heard.push({ id, about, tries, ...message });
    response.writeHead(204).end();
  }

  listen(port) {
    return listen(port, (request, response) => void this.serve(request, response));
  }

  told(type, about) {
    return this.heard.find((message) => message.type === type && message.about === about, `${type} of ${about}`);
  }
}

let last = 0;
async function ask(method, path, body, as = token) {
  const begun_ms = performance.now();
  const headers = { Authorization: `Bearer ${as}`, ...(body && { "Content-Type": "application/json" }) };
  // One node after the other.
  const answer = await fetch(nodes[last++ % nodes.length] + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const took_ms = performance.now() - begun_ms;
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  assert.ok(took_ms < POST_MS_MAX, `${method} ${path} took ${took_ms} ms`);
  return answer.status === 204 ? null : answer.json();
}

const post = async (body, as) => (await ask("POST", `/v1/channels/page/comments?url=${PAGE}`, { body, page: { url: PAGE, title: "A post" } }, as)).comment;

story(async () => {
  const receiver = new Receiver();
  await receiver.listen(good);
  let waits = 0;
  await listen(slow, () => (waits += 1));
  let redirected = 0;
  await listen(redirecting, (_, response) => {
    redirected += 1;
    response.writeHead(307, { Location: `http://127.0.0.1:${elsewhere}/` }).end();
  });
  let strayed = 0;
  await listen(elsewhere, (_, response) => {
    strayed += 1;
    response.end();
  });

  // Made, held and approved, edited, taken away: each is told, with the page and the comment as it is.
  const first = await post("first");
  const made = await receiver.told("comment.created", first.id);
  assert.deepEqual([made.data.page, made.data.comment.body, made.data.site], [{ url: PAGE, title: "A post" }, "first", "default"]);
  assert.ok(Date.parse(made.timestamp) > 0);
  const guest = (await ask("POST", "/v1/guests", {})).token;
  const held = await post("let me in", guest);
  assert.equal((await receiver.told("comment.held", held.id)).data.reason, "first");
  await ask("POST", "/v1/moderation/orders", { act: "approve", ids: [held.id] });
  await receiver.told("comment.created", held.id);
  await ask("PATCH", `/v1/comments/${first.id}`, { body: "first, again" });
  assert.equal((await receiver.told("comment.updated", first.id)).data.comment.body, "first, again");
  await ask("DELETE", `/v1/comments/${first.id}`);
  const gone = await receiver.told("comment.deleted", first.id);
  assert.deepEqual([gone.data.tombstone, gone.data.comment], [false, undefined]);
  await ask("POST", "/v1/moderation/orders", { act: "spam", ids: [held.id] });
  await receiver.told("comment.deleted", held.id);

  // Many, while others do not answer: each once.
  const many = await Promise.all(Array.from({ length: 40 }, (_, number) => post(`number ${number}`)));
  for (const { id } of many) await receiver.told("comment.created", id);
  await receiver.heard.until(() => waits > 0 && redirected > 0, "the others were asked too");

  // What failed comes again under the same name; what was withdrawn meanwhile does not.
  receiver.refused.add("to be withdrawn").add("to be told again");
  const withdrawn = await post("to be withdrawn");
  await receiver.heard.find((message) => message.refused === withdrawn.id);
  await ask("DELETE", `/v1/comments/${withdrawn.id}`);
  const again = await post("to be told again");
  assert.equal((await receiver.told("comment.created", again.id)).tries, 2);
  await receiver.told("comment.deleted", withdrawn.id);
  const messages = receiver.heard.all.filter((message) => message.id);
  assert.ok(!messages.some(({ type, about }) => type === "comment.created" && about === withdrawn.id), "withdrawn text was told");
  assert.deepEqual(receiver.heard.all.filter((message) => message.fault), []);
  assert.equal(new Set(messages.map(({ id }) => id)).size, messages.length, "each message was taken once");
  assert.equal(new Set(messages.map(({ type, about }) => `${type} ${about}`)).size, messages.length, "each event was told once");
  assert.equal(strayed, 0, "a redirect was followed");
  assert.ok(dead > 0);

  // What waits for a receiver survives the server, which is killed.
  if (nodes.length === 1) {
    await order("kill");
    const back = new Receiver();
    await back.listen(late);
    await order("start");
    await back.told("comment.created", many.at(-1).id);
  }
});
