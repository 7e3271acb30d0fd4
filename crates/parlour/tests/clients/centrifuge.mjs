/** The `centrifuge` client: what it can do, and what it is told after its line or the server was away. */
import assert from "node:assert/strict";
import { Centrifuge } from "centrifuge";
import { WebSocket } from "ws";
import { Heard, line, numbers, order, post, publish, story } from "./story.mjs";

function client() {
  const address = line.replace("http", "ws") + "/connection/websocket";
  return new Centrifuge(address, { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 200 });
}

/** Subscribes; answers the subscription and all that it hears. */
function listen(of, channel, options) {
  const subscription = of.newSubscription(channel, options);
  const heard = new Heard();
  for (const event of ["subscribed", "publication", "join", "leave", "error", "unsubscribed"]) {
    subscription.on(event, (context) => heard.push({ event, ...context }));
  }
  subscription.subscribe();
  return { subscription, heard };
}

const data = (heard) => heard.all.filter(({ event }) => event === "publication").map((publication) => publication.data);
const subscribed = (heard) => heard.all.filter(({ event }) => event === "subscribed");

/** Everything the client has a method for. */
async function talks() {
  const [one, two] = [client(), client()];
  const a = listen(one, "talk", { joinLeave: true });
  one.connect();
  await a.heard.find(({ event }) => event === "subscribed", "subscribed");
  const b = listen(two, "talk");
  const names = new Promise((resolve) => two.once("connected", resolve));
  two.connect();
  const { client: id } = await names;
  const join = await a.heard.find(({ event, info }) => event === "join" && info.client === id, "join");
  await b.heard.find(({ event }) => event === "subscribed", "subscribed");

  for (const text of ["one", "two", { three: [3] }]) await a.subscription.publish(text);
  await b.heard.until(() => data(b.heard).length === 3, "three publications");
  assert.deepEqual(data(b.heard), ["one", "two", { three: [3] }]);
  assert.deepEqual(b.heard.all.filter(({ event }) => event === "publication").map(({ offset }) => offset), [1, 2, 3]);

  const history = await b.subscription.history({ limit: 2, reverse: true });
  assert.deepEqual(history.publications.map((publication) => publication.data), [{ three: [3] }, "two"]);
  assert.equal(history.offset, 3);
  const since = await b.subscription.history({ limit: 10, since: { epoch: history.epoch, offset: 1 } });
  assert.deepEqual(since.publications.map((publication) => publication.data), ["two", { three: [3] }]);

  const { clients } = await a.subscription.presence();
  assert.equal(Object.keys(clients).length, 2);
  assert.equal(clients[id].user, join.info.user);
  assert.deepEqual(await a.subscription.presenceStats(), { numClients: 2, numUsers: 2 });
  assert.deepEqual((await one.rpc("comment.preview", { body: "*x*" })).data, { html: "<p><em>x</em></p>" });
  await assert.rejects(one.rpc("no.such.method", {}), { code: 104 });

  two.disconnect();
  await a.heard.find(({ event, info }) => event === "leave" && info.client === id, "leave");
  one.disconnect();
}

/** Its line goes, the server is killed: what it missed is there, once and in order. */
async function recovers() {
  const away = client();
  const { heard } = listen(away, "missed");
  away.connect();
  await heard.find(({ event }) => event === "subscribed", "subscribed");
  await publish("missed", ...numbers(1, 3));
  await heard.until(() => data(heard).length === 3, "the first three");

  await order("down");
  await publish("missed", ...numbers(4, 8));
  await order("up");
  await heard.until(() => data(heard).length === 8, "what the cut took");

  await order("down");
  await order("kill");
  await order("start");
  await publish("missed", ...numbers(9, 12));
  await order("up");
  await heard.until(() => data(heard).length === 12, "what the kill took");
  await publish("missed", 13);
  await heard.until(() => data(heard).includes(13), "the news");

  assert.deepEqual(data(heard), numbers(1, 13));
  const returns = subscribed(heard).slice(1);
  assert.equal(returns.length, 2);
  assert.ok(returns.every(({ wasRecovering, recovered }) => wasRecovering && recovered), JSON.stringify(returns));
  away.disconnect();
}

/** More than a recovery holds, and another store: it is told, and goes on from now. */
async function isTold() {
  const away = client();
  const { heard } = listen(away, "lost");
  away.connect();
  await heard.find(({ event }) => event === "subscribed", "subscribed");
  await publish("lost", "before");
  await heard.until(() => data(heard).includes("before"), "the first");

  await order("down");
  for (const half of [0, 1]) {
    await post("/v1/batch", { publications: numbers(1, 700).map((number) => ({ channel: "lost", data: [half, number] })) });
  }
  await order("up");
  await heard.until(() => subscribed(heard).length === 2, "the return");
  assert.deepEqual(told(heard), { wasRecovering: true, recovered: false });
  await publish("lost", "after too much");
  await heard.until(() => data(heard).includes("after too much"), "the news");

  await order("down");
  await order("kill");
  await order("forget");
  await order("start");
  await publish("lost", "in another log");
  await order("up");
  await heard.until(() => subscribed(heard).length === 3, "the return");
  assert.deepEqual(told(heard), { wasRecovering: true, recovered: false });
  await publish("lost", "after all was lost");
  await heard.until(() => data(heard).includes("after all was lost"), "the news");
  assert.deepEqual(data(heard), ["before", "after too much", "after all was lost"]);
  away.disconnect();
}

function told(heard) {
  const { wasRecovering, recovered } = subscribed(heard).at(-1);
  return { wasRecovering, recovered };
}

story(async () => {
  await talks();
  await recovers();
  await isTold();
});
