/**
 * socket.io as its documentation shows it: rooms, one `emit` to a room per publication; with the word `redis` as second argument over
 * `@socket.io/redis-adapter` and a Redis of its own, on a socket in the working directory, that ends with it and whose CPU time counts.
 * Started by parlour-bench as `node server.mjs PORT [redis]`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

async function redisAdapter() {
  const path = join(process.cwd(), 'redis.sock');
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
  process.on('exit', () => redis.kill());
  process.on('SIGTERM', () => process.exit(0));
  while (!existsSync(path)) await pause(20);
  const publisher = createClient({ socket: { path } });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  return createAdapter(publisher, subscriber);
}

const server = createServer();
const options = { serveClient: false, transports: ['websocket'] };
if (process.argv[3] === 'redis') options.adapter = await redisAdapter();
const io = new Server(server, options);

io.on('connection', (socket) => {
  socket.on('subscribe', async (channel, done) => {
    await socket.join(channel);
    done();
  });
  socket.on('publish', (channel, payload) => io.to(channel).emit('m', payload));
});
server.listen(Number(process.argv[2]), '127.0.0.1');
await once(server, 'listening');
