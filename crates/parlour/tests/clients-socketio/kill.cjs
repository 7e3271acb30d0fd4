// A hundred clients of 4.x, half of them over polls, hear a stream while the server is killed twice: all recover, nothing is lost or doubled.
'use strict';
const { assert, server, open, next, ask, until, order, publish, run } = require('./stage.cjs');

const clients = 100;

run(async () => {
  const heard = [];
  const recovered = [];
  const all = Array.from({ length: clients }, (_, index) => {
    const client = open(4, server, [index % 2 ? 'polling' : 'websocket'], { forceNew: true });
    heard.push([]);
    recovered.push([]);
    client.on('publication', (_channel, data) => heard[index].push(data));
    client.on('connect', () => recovered[index].push(client.recovered));
    return client;
  });
  await Promise.all(all.map((client) => next(client, 'connect')));
  await Promise.all(all.map((client) => ask(client, 'subscribe', { channel: 'stream' })));
  await Promise.all(all.slice(0, 20).map((client) => ask(client, 'subscribe', { channel: 'other' })));

  let published = 0;
  const stream = async (count) => {
    for (let left = count; left > 0; left--) await publish('stream', published++);
  };
  for (let round = 1; round <= 2; round++) {
    await stream(100);
    // Somebody is still behind when the server dies.
    await order('kill');
    await order('start');
    await stream(50);
    await until(() => recovered.every((list) => list.length === round + 1), () => `all back: ${recovered.filter((list) => list.length === round + 1).length}`);
  }
  await stream(10);
  await until(() => heard.every((list) => list.length >= published), () => `all of ${published}: ${heard.map((list) => list.length)}`);
  const expected = Array.from({ length: published }, (_, number) => number);
  heard.forEach((list, index) => assert.deepEqual(list, expected, `client ${index}`));
  recovered.forEach((list, index) => assert.deepEqual(list, [false, true, true], `client ${index}`));
  console.log(`${clients} clients heard ${published} each`);
});
