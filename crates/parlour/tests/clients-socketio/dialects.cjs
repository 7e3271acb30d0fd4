// The three pages of old, spoken to as they speak.
'use strict';
const { assert, server, relay, open, next, until, order, publish, ask, run } = require('./stage.cjs');

run(async () => {
  await chat();
  await viewing();
  await comments();
});

/** `chat message` and `POST /` reach every socket, and nothing of other channels does. */
async function chat() {
  const sockets = [open(1, server, ['websocket']), open(2, server, ['polling']), open(4, server, ['polling', 'websocket'])];
  const heard = sockets.map(() => []);
  sockets.forEach((socket, index) => {
    socket.on('chat message', (text) => heard[index].push(text));
    socket.on('publication', () => assert.fail('nobody subscribed'));
  });
  await Promise.all(sockets.map((socket) => next(socket, 'connect')));
  // A socket hears from the start; that it is there is known when it has an answer.
  await Promise.all(sockets.map((socket) => ask(socket, 'history', { channel: 'pubsub' })));
  await publish('elsewhere', 'not for them');
  sockets[0].emit('chat message', 'hello é');
  await until(() => heard.every((list) => list.length === 1), () => JSON.stringify(heard));
  const posted = await fetch(`${server}/`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"chan":"pubsub","msg":{"a":1}}' });
  assert.equal(await posted.text(), 'ok\n');
  await until(() => heard.every((list) => list.length === 2), () => JSON.stringify(heard));
  heard.forEach((list) => assert.deepEqual(list, ['hello é', '{"a":1}']));
  // Who subscribes as well gets both.
  const both = next(sockets[2], 'chat message');
  sockets[2].removeAllListeners('publication');
  await ask(sockets[2], 'subscribe', { channel: 'pubsub' });
  const plain = next(sockets[2], 'publication');
  sockets[1].emit('chat message', 'again');
  assert.equal((await both)[0], 'again');
  assert.equal((await plain)[1], 'again');
  sockets.forEach((socket) => socket.disconnect());
}

/** The presence page: counts are right as clients come, move on, vanish and return. */
async function viewing() {
  const page = (address, version, id) => {
    const seen = { viewers: new Map(), views: new Map() };
    const socket = open(version, address, ['websocket']);
    socket.on('connect', () => socket.emit('viewing', id));
    socket.on('viewers', (post, count) => seen.viewers.set(post, count));
    socket.on('views', (post, count) => seen.views.set(post, count));
    return { socket, seen };
  };
  const first = page(server, 1, 7);
  await until(() => first.seen.viewers.get(7) === 1 && first.seen.views.get(7) === 1, 'one viewer');
  const second = page(relay, 4, '7');
  await until(() => first.seen.viewers.get(7) === 2 && second.seen.viewers.get('7') === 2, 'two viewers, each id in its own type');
  await until(() => first.seen.views.get(7) === 2 && second.seen.views.get('7') === 2, 'two views');
  // Again after ten minutes: no new view.
  first.socket.emit('viewing', 7);
  await ask(first.socket, 'history', { channel: 'x' });
  assert.equal(first.seen.views.get(7), 2);
  // To another post and back.
  first.socket.emit('viewing', 8);
  await until(() => second.seen.viewers.get('7') === 1 && first.seen.viewers.get(8) === 1, 'one here, one there');
  first.socket.emit('viewing', 7);
  await until(() => second.seen.viewers.get('7') === 2, 'back again');
  await ask(first.socket, 'history', { channel: 'x' });
  assert.equal(second.seen.views.get('7'), 2, 'a session counts once');
  // One vanishes without goodbye, and comes back.
  await order('down');
  await until(() => first.seen.viewers.get(7) === 1, 'the lost one has gone');
  await order('up');
  await until(() => first.seen.viewers.get(7) === 2, 'the lost one is back');
  const counts = await (await fetch(`${server}/v1/counts?channel=post:7`)).json();
  assert.equal(counts.counts['post:7'].viewers, 2);
  assert.equal(counts.counts['post:7'].views, first.seen.views.get(7));
  first.socket.disconnect();
  second.socket.disconnect();
}

/** The comments page: what it posts others see too, and the newest ten are there. */
async function comments() {
  const url = 'http://localhost:8000/post.html';
  const page = (version) => {
    const heard = [];
    const socket = open(version, server, ['websocket'], { query: version < 3 ? `page=${encodeURIComponent(url)}` : { page: url } });
    socket.on('message', (text) => heard.push(JSON.parse(text)));
    return { socket, heard };
  };
  const first = page(1);
  await until(() => first.heard.length === 1, 'initial');
  assert.deepEqual(first.heard[0], { event: 'initial', data: [] });
  const before = Math.floor(Date.now() / 1000);
  first.socket.emit('message', { Author: 'Ann', Body: 'one <b>&', PageUrl: url });
  await until(() => first.heard.length === 2, 'its own comment');
  const { event, data } = first.heard[1];
  assert.equal(event, 'comment');
  assert.deepEqual([data.Author, data.Body, data.PageUrl], ['Ann', 'one <b>&', url]);
  assert.ok(data.CreatedAt >= before && data.CreatedAt <= before + 60, `${data.CreatedAt}`);
  // As its JSON text, from a socket that is on no page yet.
  const stray = open(4, server, ['polling']);
  const strays = [];
  stray.on('message', (text) => strays.push(JSON.parse(text)));
  await next(stray, 'connect');
  stray.emit('message', JSON.stringify({ Author: '', Body: 'two', PageUrl: `${url}#part` }));
  await until(() => first.heard.length === 3 && strays.length === 2, 'the comment of a stray');
  assert.deepEqual([strays[0].event, strays[0].data.length, strays[1].data.Body], ['initial', 1, 'two']);
  // Other doors see the same, and what comes from them is heard.
  const listed = await (await fetch(`${server}/v1/channels/page/comments?url=${encodeURIComponent(url)}`)).json();
  assert.deepEqual(listed.comments.map((comment) => comment.body), ['two', 'one <b>&']);
  assert.equal(listed.comments[1].id, data.Id);
  for (let number = 3; number <= 12; number++) {
    const body = JSON.stringify({ body: `${number}`, page: { url } });
    const posted = await fetch(`${server}/v1/channels/page/comments?url=${encodeURIComponent(url)}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    assert.equal(posted.status, 201, await posted.text());
  }
  await until(() => first.heard.length === 13, () => `13, but ${first.heard.length}`);
  const late = page(4);
  await until(() => late.heard.length === 1, 'initial of a late one');
  assert.deepEqual(late.heard[0].data.map((comment) => comment.Body), ['12', '11', '10', '9', '8', '7', '6', '5', '4', '3']);
  assert.ok(late.heard[0].data.every((comment) => comment.PageUrl === url));
}
