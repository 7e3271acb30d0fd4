/**
 * `ws` on Node at its best: a set of sockets per channel, and each publication framed once and written to all of them as it is. The path names
 * the channel that a client hears; a text `CHANNEL PAYLOAD` from anyone is published to it. Started by parlour-bench as `node server.mjs PORT`.
 */
import { Sender, WebSocketServer } from 'ws';

const channels = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false });

function publish(channel, payload) {
  const sockets = channels.get(channel);
  if (!sockets) return;
  const options = { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true };
  const frame = Buffer.concat(Sender.frame(payload, options));
  for (const socket of sockets) socket._socket.write(frame);
}

server.on('connection', (socket, request) => {
  const channel = request.url.slice(1);
  if (channel) {
    const sockets = channels.get(channel) ?? new Set();
    channels.set(channel, sockets.add(socket));
    socket.on('close', () => sockets.delete(socket));
  }
  socket.on('error', () => socket.terminate());
  socket.on('message', (text) => {
    const space = text.indexOf(0x20);
    publish(text.toString('latin1', 0, space), text.subarray(space + 1));
  });
});
