/**
 * socket.io as its documentation shows it: rooms, one `emit` to a room per publication; with the word `redis` as second argument over
 * `@socket.io/redis-adapter` and a Redis of its own, on a socket in the working directory, that ends with it and whose CPU time counts.
 * A third argument says how many processes share that Redis: the others are children of the first, on the ports after its own.
 * Started by parlour-bench as `node server.mjs PORT [redis [COUNT]]`.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const [port, adapter, count] = process.argv.slice(2);
const isChild = count === 'child';

async function redisAdapter() {
  const path = join(process.cwd(), 'redis.sock');
  const children = [];
  if (!isChild) children.push(spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' }));
  process.on('exit', () => children.forEach((child) => child.kill()));
  process.on('SIGTERM', () => process.exit(0));
  while (!existsSync(path)) await pause(20);
  // The others listen before this one does, whose port is waited for.
  for (let index = 1; index < Number(count ?? 1); index++) {
    const child = fork(process.argv[1], [String(Number(port) + index), 'redis', 'child']);
    children.push(child);
    await once(child, 'message');
  }
  const publisher = createClient({ socket: { path } });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  return createAdapter(publisher, subscriber);
}

const server = createServer();
const options = { serveClient: false, transports: ['websocket'] };
if (adapter === 'redis') options.adapter = await redisAdapter();
const io = new Server(server, options);

io.on('connection', (socket) => {
  socket.on('subscribe', async (channel, done) => {
    await socket.join(channel);
    done();
  });
  socket.on('publish', (channel, payload) => io.to(channel).emit('m', payload));
});
server.listen(Number(port), '127.0.0.1');
await once(server, 'listening');
if (isChild) process.send('listening');
