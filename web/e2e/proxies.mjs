/**
 * Proxies as they stand between readers and servers: one that lets everything through, one that knows
 * no WebSockets, one that keeps every answer to itself until it is whole. They count what is open.
 */
import { createServer, request as ask } from "node:http";
import { connect } from "node:net";
import { server } from "../../crates/parlour/tests/clients/story.mjs";

const target = new URL(server);

export class Proxy {
  /** Sockets that were made WebSockets, and streams that are read. */
  websockets = new Set();
  streams = new Set();
  polls = 0;
  /** Addresses asked for. */
  asked = [];
  #listening;

  static async open({ websockets = true, streams = true } = {}) {
    const proxy = new Proxy();
    proxy.#listening = createServer((request, response) => proxy.#pass(request, response, streams));
    proxy.#listening.on("upgrade", (request, socket, head) => {
      socket.on("error", () => {});
      if (websockets) proxy.#tunnel(request, socket, head);
      else socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    await new Promise((resolve) => proxy.#listening.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get address() {
    return `http://127.0.0.1:${this.#listening.address().port}`;
  }

  #pass(request, response, streams) {
    const isStream = (request.headers.accept ?? "").includes("event-stream");
    if (!isStream && request.url.startsWith("/v1/events")) this.polls++;
    this.asked.push(request.url);
    const onward = ask({ host: target.hostname, port: target.port, path: request.url, method: request.method, headers: { ...request.headers, host: target.host } });
    onward.on("response", (answer) => {
      // What the server did not end is not an end for the reader either, but a loss.
      answer.on("close", () => answer.complete || response.destroy());
      if (!isStream || streams) {
        if (isStream) this.streams.add(response);
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
        return;
      }
      const whole = [];
      answer.on("data", (piece) => whole.push(piece));
      answer.on("end", () => response.writeHead(answer.statusCode, answer.headers).end(Buffer.concat(whole)));
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => {
      this.streams.delete(response);
      onward.destroy();
    });
    request.pipe(onward);
  }

  #tunnel(request, socket, head) {
    const onward = connect(Number(target.port), target.hostname, () => {
      const headers = Object.entries({ ...request.headers, host: target.host }).map(([name, value]) => `${name}: ${value}\r\n`);
      onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    this.websockets.add(socket);
    const end = () => {
      this.websockets.delete(socket);
      socket.destroy();
      onward.destroy();
    };
    for (const one of [socket, onward]) one.on("close", end).on("error", end);
  }
}
