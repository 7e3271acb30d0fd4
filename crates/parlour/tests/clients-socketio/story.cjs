// One client of one version over one way: connect, subscribe, publish, hear, be refused, lose the line, come back, take up again.
'use strict';
const { assert, server, relay, more, open, next, ask, until, order, publish, run } = require('./stage.cjs');

const version = Number(more[0]);
const transports = more[1].split('+');

run(async () => {
  const client = open(version, relay, transports);
  const heard = [];
  client.on('publication', (channel, data, position) => heard.push({ channel, data, position }));
  await next(client, 'connect');
  assert.ok(client.id);
  const subscribed = await ask(client, 'subscribe', { channel: 'news' });
  assert.ok(subscribed.recoverable && subscribed.epoch, JSON.stringify(subscribed));

  // What it publishes itself, in letters that take one to four bytes.
  const data = { text: 'aé€😀\u2028"', list: [1, null] };
  assert.deepEqual(await ask(client, 'publish', { channel: 'news', data }), {});
  await until(() => heard.length === 1, 'its own publication');
  assert.deepEqual(heard[0], { channel: 'news', data, position: { epoch: subscribed.epoch, offset: subscribed.offset + 1 } });

  await refusals(client);
  if (transports.includes('websocket')) await until(() => client.io.engine.transport.name === 'websocket', 'the WebSocket');

  // Fifty from elsewhere come in order.
  for (let number = 0; number < 50; number++) await publish('news', number);
  await until(() => heard.length === 51, () => `51, but ${heard.length}`);
  assert.deepEqual(heard.slice(1).map(({ data }) => data), Array.from({ length: 50 }, (_, number) => number));

  // Its line is lost; what is published meanwhile is there when it comes back.
  const last = heard.at(-1).position;
  const lost = next(client, 'disconnect');
  await order('down');
  await lost;
  for (let number = 50; number < 60; number++) await publish('news', number);
  const back = next(client, 'connect');
  await order('up');
  await back;
  if (version === 4) {
    assert.equal(client.recovered, true);
    await until(() => heard.length === 61, () => `61, but ${heard.length}`);
    assert.deepEqual(heard.slice(51).map(({ data }) => data), Array.from({ length: 10 }, (_, number) => 50 + number));
  } else {
    const again = await ask(client, 'subscribe', { channel: 'news', recover: true, ...last });
    assert.equal(again.recovered, true, JSON.stringify(again));
    assert.deepEqual(again.publications.map(({ data }) => data), Array.from({ length: 10 }, (_, number) => 50 + number));
    heard.push(...again.publications);
  }
  await publish('news', 'after');
  await until(() => heard.length === 62, () => `62, but ${heard.length}`);

  // What it does not want any more it does not hear, nor when it has gone.
  assert.deepEqual(await ask(client, 'unsubscribe', { channel: 'news' }), {});
  await publish('news', 'unheard');
  assert.deepEqual((await ask(client, 'history', { channel: 'news', limit: -1 })).publications.at(-1).data, 'unheard');
  assert.equal(heard.length, 62);
  const gone = next(client, 'disconnect');
  client.disconnect();
  assert.equal((await gone)[0], 'io client disconnect');
  console.log(`${version} over ${transports} from ${server}: well`);
});

async function refusals(client) {
  assert.deepEqual((await ask(client, 'fly', { high: true })).error, { code: 104, message: 'method not found' });
  assert.equal((await ask(client, 'publish', { channel: 'news', data: Buffer.from([1, 2, 3]) })).error.code, 107);
  assert.equal((await ask(client, 'subscribe', { channel: 'news' })).error.code, 105);
  assert.equal((await ask(client, 'subscribe', { channel: 'a b' })).error.message, 'invalid-channel');
  assert.equal((await ask(client, 'comment.create', { channel: 'news', body: ' ' })).error.message, 'body-empty');
}
