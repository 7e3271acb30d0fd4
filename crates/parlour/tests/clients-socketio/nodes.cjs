// Twelve clients behind a balancer that sends each request to the next of three nodes: half only poll, half would rather have a
// WebSocket. All hear everything once and in order, and what they ask is answered.
'use strict';
const { assert, more, open, next, ask, until, run } = require('./stage.cjs');

const [balancer, key, version] = more;
const count = 60;

async function publish(data) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const response = await fetch(`${balancer}/v1/channels/news/publications`, { method: 'POST', headers, body: JSON.stringify({ data }) });
  assert.equal(response.status, 200);
}

run(async () => {
  const heard = [];
  const lost = [];
  const clients = Array.from({ length: 12 }, (_, index) => {
    const client = open(Number(version), balancer, index % 2 ? ['polling'] : ['polling', 'websocket']);
    heard.push([]);
    client.on('publication', (_channel, data) => heard[index].push(data));
    client.on('disconnect', (reason) => lost.push(reason));
    return client;
  });
  await Promise.all(clients.map((client) => next(client, 'connect')));
  await Promise.all(clients.map((client) => ask(client, 'subscribe', { channel: 'news' })));
  for (let number = 0; number < count; number++) await publish(number);
  await until(() => heard.every((list) => list.length >= count), () => `all of ${count}: ${heard.map((list) => list.length)}`);
  const expected = Array.from({ length: count }, (_, number) => number);
  heard.forEach((list, index) => assert.deepEqual(list, expected, `client ${index}`));
  const history = await ask(clients[1], 'history', { channel: 'news', limit: -1 });
  assert.equal(history.publications.length, count);
  assert.deepEqual(lost, []);
  clients.forEach((client) => client.disconnect());
  console.log(`12 clients of ${version} heard ${count} each`);
});
