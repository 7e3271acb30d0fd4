/**
 * The npm package `parlour-client` in Node, against the server: over a WebSocket, over an event stream
 * where a proxy knows no WebSockets, over long polls where it holds streams back; nothing missed or
 * doubled over a kill of the server; what was written meanwhile posted once, in order.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Heard, numbers, order, post, publish, server, story } from "../../crates/parlour/tests/clients/story.mjs";
import { Proxy } from "./proxies.mjs";

globalThis.WebSocket ??= createRequire(new URL("../../crates/parlour/tests/clients/", import.meta.url))("ws").WebSocket;

const made = spawnSync(process.execPath, [fileURLToPath(new URL("../package.mjs", import.meta.url))], { encoding: "utf8" });
assert.equal(made.status, 0, made.stderr);
const { Api, connect, Identity, listen, newNonce, Queue } = await import("../client/dist/index.js");

/** Listens to `channel` through `proxy`; answers what is heard. */
function hears(proxy, channel) {
  const connection = connect(proxy.address);
  const heard = new Heard();
  const leave = listen(connection, channel, {
    event: ({ name, data }) => name === "publication" && heard.push(data),
    granted: () => heard.push("granted"),
    reset: () => heard.push("reset"),
  });
  return { connection, heard, leave };
}

const said = ({ heard }) => heard.all.filter((item) => typeof item === "number");
const until = (reader, number) => reader.heard.find((item) => item === number, `publication ${number}`);

async function eachWayWorks(proxies) {
  const readers = proxies.map((proxy) => hears(proxy, "ways"));
  for (const { heard } of readers) await heard.find((item) => item === "granted");
  await publish("ways", ...numbers(1, 20));
  for (const reader of readers) await until(reader, 20);
  assert.equal(proxies[0].websockets.size, 1);
  assert.deepEqual([proxies[1].websockets.size, proxies[1].streams.size], [0, 1]);
  assert.ok(proxies[2].polls > 0 && proxies[2].streams.size === 0);
  // One stream for all channels, from where each stands.
  const second = hears(proxies[1], "another");
  second.leave();
  listen(readers[1].connection, "more", { event: ({ data }) => readers[1].heard.push(`more ${data}`), granted: () => readers[1].heard.push("more is granted") });
  await readers[1].heard.find((item) => item === "more is granted");
  await publish("more", 1);
  await publish("ways", 21);
  await readers[1].heard.find((item) => item === "more 1");
  for (const reader of readers) await until(reader, 21);
  return readers;
}

async function nothingIsMissedOverAKill(readers) {
  await order("kill");
  await order("start");
  await publish("ways", ...numbers(22, 40));
  for (const reader of readers) {
    await until(reader, 40);
    assert.deepEqual(said(reader), numbers(1, 40), `reader ${readers.indexOf(reader)}: ${JSON.stringify(reader.heard.all)}`);
    assert.ok(!reader.heard.all.includes("reset"));
  }
}

async function whatWasWrittenMeanwhileIsPostedOnce(proxy) {
  const identity = new Identity({ server: `${proxy.address}/`, site: null, token: null, tokenUrl: null, storage: null });
  const queue = new Queue(new Api(`${proxy.address}/`, null, identity), null, "unsent", { base_ms: 50, max_ms: 200, random: Math.random });
  const heard = new Heard();
  queue.watch({ changed: ({ state }) => heard.push(state), sent: (_, { body }) => heard.push(body) });
  const page = { url: "http://a.localhost/queue" };
  const { channel } = await (await fetch(`${server}/v1/channels/page/comments?url=${encodeURIComponent(page.url)}`)).json();
  queue.add(channel, { body: "zero", nonce: newNonce(), page });
  await heard.find((item) => item === "zero");
  await order("kill");
  queue.add(channel, { body: "one", nonce: newNonce(), page });
  queue.add(channel, { body: "two", nonce: newNonce(), page });
  await heard.find((item) => item === "waiting");
  assert.equal(queue.of(channel).length, 2);
  await order("start");
  await heard.find((item) => item === "two");
  const read = async () => (await (await fetch(`${server}/v1/channels/${encodeURIComponent(channel)}/comments?sort=oldest`)).json()).comments.map(({ body }) => body);
  assert.deepEqual(await read(), ["zero", "one", "two"]);
  assert.equal(queue.of(channel).length, 0);
  // The same nonce from the same member is the same comment, however often it is sent.
  const nonce = newNonce();
  for (let time = 0; time < 3; time++) queue.add(channel, { body: "three", nonce, page });
  await heard.until(() => heard.all.filter((item) => item === "three").length === 3);
  assert.deepEqual(await read(), ["zero", "one", "two", "three"]);
}

story(async () => {
  const proxies = [await Proxy.open(), await Proxy.open({ websockets: false }), await Proxy.open({ websockets: false, streams: false })];
  const readers = await eachWayWorks(proxies);
  await nothingIsMissedOverAKill(readers);
  await whatWasWrittenMeanwhileIsPostedOnce(proxies[0]);
  for (const { connection } of readers) connection.close();
});
