/**
 * One reader that goes from the WebSocket to an event stream to long polls and back, its position in
 * hand, while another goes on publishing: what it sees is one unbroken sequence.
 */
import assert from "node:assert/strict";
import { Centrifuge } from "centrifuge";
import { EventSource } from "eventsource";
import { WebSocket } from "ws";
import { Heard, numbers, publish, server, story } from "./story.mjs";

const CHANNEL = "doors";
/** Publications that each door is read for. */
const STAY = 25;

const seen = [];
let position;

/** Notes what was read; the position is where it goes on. */
function take(epoch, offset, data) {
  seen.push({ offset, data });
  position = `${epoch}:${offset}`;
}

async function overWebSocket() {
  const heard = new Heard();
  const client = new Centrifuge(server.replace("http", "ws") + "/connection/websocket", { websocket: WebSocket });
  const [epoch, offset] = position.split(":");
  const subscription = client.newSubscription(CHANNEL, { since: { epoch, offset: Number(offset) } });
  const from = seen.length;
  subscription.on("subscribed", (context) => heard.push(context));
  subscription.on("publication", (publication) => {
    // What comes after this door was left belongs to the next one.
    if (seen.length - from >= STAY) return;
    take(epoch, publication.offset, publication.data);
    heard.push(publication);
  });
  subscription.subscribe();
  client.connect();
  await heard.until(() => seen.length - from >= STAY, "publications over the WebSocket");
  assert.equal(heard.all[0].recovered, true);
  client.disconnect();
}

async function overEventStream() {
  const heard = new Heard();
  const source = new EventSource(`${server}/v1/channels/${CHANNEL}/events?since=${position}`);
  const from = seen.length;
  source.addEventListener("gap", ({ data }) => heard.push({ gap: data }));
  source.addEventListener("publication", (event) => {
    if (seen.length - from >= STAY) return;
    const { data, offset } = JSON.parse(event.data);
    take(event.lastEventId.split(":")[0], offset, data);
    assert.equal(event.lastEventId, position);
    heard.push(data);
  });
  await heard.until(() => seen.length - from >= STAY, "publications over the event stream");
  assert.ok(!heard.all.some(({ gap }) => gap));
  source.close();
}

async function overLongPolls() {
  const from = seen.length;
  while (seen.length - from < STAY) {
    const answer = await (await fetch(`${server}/v1/channels/${CHANNEL}/events?since=${position}&wait=10`)).json();
    assert.ok(!answer.gap);
    const [epoch] = answer.position.split(":");
    for (const { data, offset } of answer.events) take(epoch, offset, data);
    assert.equal(position, answer.position);
  }
}

story(async () => {
  position = await publish(CHANNEL, 0);
  let publishing = true;
  let count = 0;
  const publisher = (async () => {
    while (publishing) await publish(CHANNEL, ++count);
  })();
  for (const door of [overWebSocket, overEventStream, overLongPolls, overWebSocket, overLongPolls, overEventStream]) await door();
  publishing = false;
  await publisher;
  assert.ok(seen.length >= 6 * STAY);
  assert.deepEqual(seen.map(({ data }) => data), numbers(1, seen.length));
  assert.deepEqual(seen.map(({ offset }) => offset), numbers(2, seen.length + 1));
});
