// Bytes both ways, in messages and acknowledgements, with every version over every way; and a namespace beside the main one.
'use strict';
const { assert, server, open, next, within, until, run } = require('./stage.cjs');

run(async () => {
  for (const version of [1, 2, 3, 4]) {
    for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
      await undisturbed(version, transports);
      console.log(`${version} over ${transports}: well`);
    }
  }
});

/** The fixture's heartbeat is so quick that a busy machine misses it now and then: then once more, from the beginning. */
async function undisturbed(version, transports) {
  for (let attempt = 1; ; attempt++) {
    let client;
    const disturbed = new Promise((_, fail) => {
      client = open(version, server, transports, { reconnection: false });
      client.on('disconnect', (reason) => /ping|transport/.test(reason) && fail(new Error(reason)));
    });
    try {
      return await Promise.race([bytes(client, transports), disturbed]);
    } catch (error) {
      if (attempt === 5 || error.code === 'ERR_ASSERTION') throw error;
      console.log(`${version} over ${transports}: ${error.message}, once more`);
    }
  }
}

async function bytes(client, transports) {
  await next(client, 'connect');
  if (transports.length === 2) await until(() => client.io.engine.transport.name === 'websocket', 'the WebSocket');
  for (const size of [0, 3, 1000, 50000]) {
    const sent = Buffer.alloc(size, 0xfe);
    const back = next(client, 'message-back');
    client.emit('message', sent, { inside: [sent], text: 'é' });
    const [first, second] = await back;
    assert.ok(sent.equals(Buffer.from(first)) && sent.equals(Buffer.from(second.inside[0])), `${size}`);
    assert.equal(second.text, 'é');
    const acknowledged = await within(new Promise((resolve) => client.emit('message-with-ack', 'text', sent, (...values) => resolve(values))), 'ack');
    assert.equal(acknowledged[0], 'text');
    assert.ok(sent.equals(Buffer.from(acknowledged[1])), `${size}`);
  }
  const custom = client.io.socket('/custom');
  await next(custom, 'connect');
  const back = next(custom, 'message-back');
  custom.emit('message', 'beside');
  assert.deepEqual(await back, ['beside']);
  client.disconnect();
  custom.disconnect();
}
