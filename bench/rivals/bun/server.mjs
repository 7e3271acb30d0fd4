/**
 * Bun's own publish: the path names the channel that a client hears; a text `CHANNEL PAYLOAD` from anyone is published to it.
 * Started by parlour-bench as `bun server.mjs PORT`; listens on loopback alone.
 */
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  fetch(request, server) {
    const channel = new URL(request.url).pathname.slice(1);
    if (server.upgrade(request, { data: channel })) return undefined;
    return new Response('a WebSocket is expected\n', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      if (socket.data) socket.subscribe(socket.data);
    },
    message(socket, text) {
      const space = text.indexOf(' ');
      server.publish(text.slice(0, space), text.slice(space + 1));
    },
  },
});
