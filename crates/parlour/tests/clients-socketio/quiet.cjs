// A client that only polls and hears nothing for longer than a heartbeat: its poll waits on another node than the one it asked, and
// the session goes on.
'use strict';
const { assert, more, open, next, ask, run } = require('./stage.cjs');

const [balancer, key, version] = more;

run(async () => {
  const client = open(Number(version), balancer, ['polling']);
  const lost = [];
  client.on('disconnect', (reason) => lost.push(reason));
  await next(client, 'connect');
  await ask(client, 'subscribe', { channel: 'news' });
  const sid = client.id;
  // The server's heartbeat comes after 25 s.
  await new Promise((resolve) => client.io.engine.on('ping', resolve));
  const arrives = next(client, 'publication');
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  await fetch(`${balancer}/v1/channels/news/publications`, { method: 'POST', headers, body: '{"data": "late"}' });
  assert.equal((await arrives)[1], 'late');
  assert.equal(client.id, sid);
  assert.deepEqual(lost, []);
  client.disconnect();
});
