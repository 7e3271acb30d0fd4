/**
 * A small server for the tests of the connection: a real WebSocket that answers as the tests tell
 * it, and waits on conditions instead of on time.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { WebSocket as Socket } from "ws";

export interface Command {
  id: number;
  connect?: { token?: string; data?: unknown; name?: string };
  subscribe?: { channel: string; recover?: boolean; epoch?: string; offset?: number; data?: { signals: string[] } };
  unsubscribe?: { channel: string };
}

/** One client's connection, with all it sent. */
export class Client {
  readonly socket: Socket;
  readonly query: URLSearchParams;
  readonly received: (Command | Record<string, never>)[] = [];
  #news: (() => void)[] = [];

  constructor(socket: Socket, query: URLSearchParams) {
    this.socket = socket;
    this.query = query;
    const woken = (): void => this.#news.splice(0).forEach((wake) => wake());
    socket.on("message", (data) => {
      for (const line of String(data).split("\n")) this.received.push(JSON.parse(line) as Command);
      woken();
    });
    socket.on("close", woken);
  }

  get closed(): boolean {
    return this.socket.readyState === this.socket.CLOSED;
  }

  /** Resolves once `condition` holds; looked at whenever something arrives. */
  async until<T>(condition: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = condition();
      if (found) return found;
      await new Promise<void>((resolve) => this.#news.push(resolve));
    }
  }

  /** The `index`-th command of this kind. */
  command<K extends "connect" | "subscribe" | "unsubscribe">(kind: K, index = 0): Promise<Command & Required<Pick<Command, K>>> {
    return this.until(() => {
      const some = this.received.filter((command): command is Command & Required<Pick<Command, K>> => kind in command);
      return some[index];
    });
  }

  /** Sends replies, all in one frame. */
  send(...replies: unknown[]): void {
    this.socket.send(replies.map((reply) => JSON.stringify(reply)).join("\n"));
  }

  /** Answers `connect`. */
  async welcome(data: unknown = {}, ping = 25): Promise<Command> {
    const command = await this.command("connect");
    this.send({ id: command.id, connect: { client: "c", version: "1", ping, pong: true, data } });
    return command;
  }
}

export class TestServer {
  readonly #server: WebSocketServer;
  readonly #clients: Client[] = [];
  #taken = 0;
  #news: (() => void)[] = [];

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket, request) => {
      this.#clients.push(new Client(socket, new URL(request.url ?? "/", "http://x").searchParams));
      this.#news.splice(0).forEach((wake) => wake());
    });
  }

  static async start(): Promise<TestServer> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/connection/websocket" });
    await once(server, "listening");
    return new TestServer(server);
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  get connections(): number {
    return this.#clients.length;
  }

  /** The next client that connects, or has connected and was not asked for yet. */
  async client(): Promise<Client> {
    while (this.#clients.length <= this.#taken) await new Promise<void>((resolve) => this.#news.push(resolve));
    return this.#clients[this.#taken++]!;
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
