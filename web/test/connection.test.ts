/** The connection against a real WebSocket: sharing, coming back, and missing nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { WebSocket } from "ws";
import { backoff_ms } from "../src/client/backoff";
import { Connection } from "../src/client/connection";
import type { ConnectionOptions, ConnectionState } from "../src/client/connection";
import type { ChannelEvent } from "../src/client/event";
import { openWebSocket } from "../src/client/websocket";
import type { Client } from "./server";
import { TestServer } from "./server";

// Node 20 has none of its own.
(globalThis as { WebSocket?: unknown }).WebSocket ??= WebSocket;

const none: readonly string[] = [];

async function setUp(t: TestContext, more: Partial<ConnectionOptions> = {}): Promise<{ server: TestServer; connection: Connection }> {
  const server = await TestServer.start();
  const connection = new Connection({
    server: server.address,
    site: null,
    count: true,
    open: openWebSocket,
    token: () => Promise.resolve(null),
    backoff: { base_ms: 1, max_ms: 2, random: () => 0.5 },
    idle_ms: 1,
    ...more,
  });
  t.after(async () => {
    connection.close();
    await server.stop();
  });
  return { server, connection };
}

/** A listener that keeps what it hears and can be waited on. */
class Ear {
  readonly events: ChannelEvent[] = [];
  resets = 0;
  refusals = 0;
  #news: (() => void)[] = [];

  event(event: ChannelEvent): void {
    this.events.push(event);
    this.#woken();
  }
  reset(): void {
    this.resets++;
    this.#woken();
  }
  refused(): void {
    this.refusals++;
    this.#woken();
  }
  async until(condition: (ear: Ear) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#news.push(resolve));
  }
  get offsets(): (number | null)[] {
    return this.events.map((event) => event.offset);
  }
  #woken(): void {
    this.#news.splice(0).forEach((wake) => wake());
  }
}

const stateIs = (connection: Connection, wanted: ConnectionState): Promise<void> =>
  new Promise((resolve) => {
    const unwatch = connection.watch((state) => {
      if (state !== wanted) return;
      queueMicrotask(() => unwatch());
      resolve();
    });
  });

async function grant(client: Client, index: number, answer: Record<string, unknown>): Promise<void> {
  const { id } = await client.command("subscribe", index);
  client.send({ id, subscribe: { recoverable: true, positioned: true, epoch: "e", ...answer } });
}

const pub = (channel: string, offset: number, more = {}): unknown => ({ push: { channel, pub: { data: { n: offset }, offset, ...more } } });

// First, because sockets of earlier tests could not clear their own timers while this one turns the clock.
test("a_server_that_falls_silent_is_left_and_found_again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, connection } = await setUp(t);
  connection.subscribe("a", null, none, new Ear());
  const client = await server.client();
  await client.welcome({}, 25);
  await client.command("subscribe");
  t.mock.timers.tick(34_999);
  assert.equal(connection.state, "open");
  // The silence ends it, and so does the wait before the next try, both due by now.
  t.mock.timers.tick(2);
  assert.equal(connection.state, "connecting");
  await (await server.client()).welcome();
  await stateIs(connection, "open");
});

test("one_socket_carries_all_channels_and_one_subscription_all_listeners_of_a_channel", async (t) => {
  const { server, connection } = await setUp(t);
  const ears = [new Ear(), new Ear(), new Ear()];
  connection.subscribe("a", null, none, ears[0]!);
  connection.subscribe("a", null, ["viewers"], ears[1]!);
  connection.subscribe("b", null, none, ears[2]!);
  const client = await server.client();
  await client.welcome();
  const first = await client.command("subscribe");
  await grant(client, 0, { offset: 4 });
  await grant(client, 1, { offset: 0 });
  client.send(pub("a", 5, { tags: { event: "comment.created" } }), pub("b", 1));
  await ears[1]!.until((ear) => ear.events.length === 1);
  await ears[2]!.until((ear) => ear.events.length === 1);
  assert.deepEqual(first.subscribe, { channel: "a", data: { signals: ["viewers"] } });
  assert.equal(ears[0]!.events[0]?.name, "comment.created");
  assert.equal(ears[2]!.events[0]?.name, "publication");
  assert.equal(server.connections, 1);
  assert.equal(client.received.filter((command) => "subscribe" in command).length, 2);
});

test("signals_reach_only_those_who_asked_and_the_latest_one_those_who_come_later", async (t) => {
  const { server, connection } = await setUp(t);
  const [deaf, first, later] = [new Ear(), new Ear(), new Ear()];
  connection.subscribe("a", null, none, deaf);
  connection.subscribe("a", null, ["viewers"], first);
  const client = await server.client();
  await client.welcome();
  await grant(client, 0, { offset: 0 });
  client.send({ push: { channel: "a", pub: { data: { count: 3 }, tags: { event: "viewers" } } } });
  await first.until((ear) => ear.events.length === 1);
  connection.subscribe("a", null, ["viewers"], later);
  await later.until((ear) => ear.events.length === 1);
  assert.deepEqual(later.events[0], { name: "viewers", data: { count: 3 }, offset: null });
  assert.deepEqual(deaf.events, []);
});

test("a_listener_starts_at_the_position_it_read_at_and_hears_what_came_since", async (t) => {
  const { server, connection } = await setUp(t);
  const ear = new Ear();
  connection.subscribe("a", { epoch: "e", offset: 7 }, none, ear);
  const client = await server.client();
  await client.welcome();
  const { subscribe } = await client.command("subscribe");
  assert.deepEqual(subscribe, { channel: "a", recover: true, epoch: "e", offset: 7 });
  await grant(client, 0, { offset: 9, recovered: true, publications: [{ data: 1, offset: 8 }, { data: 2, offset: 9 }] });
  client.send(pub("a", 9), pub("a", 10));
  await ear.until(({ offsets }) => offsets.includes(10));
  assert.deepEqual(ear.offsets, [8, 9, 10]);
});

test("after_a_loss_it_comes_back_and_resumes_where_it_stood", async (t) => {
  const { server, connection } = await setUp(t);
  const ear = new Ear();
  connection.subscribe("a", null, none, ear);
  const first = await server.client();
  await first.welcome();
  await grant(first, 0, { offset: 1 });
  first.send(pub("a", 2));
  await ear.until(({ events }) => events.length === 1);
  first.socket.close(3001);
  const second = await server.client();
  await second.welcome();
  const { subscribe } = await second.command("subscribe");
  assert.deepEqual(subscribe, { channel: "a", recover: true, epoch: "e", offset: 2 });
  await grant(second, 0, { offset: 3, recovered: true, publications: [{ data: 3, offset: 3 }] });
  await ear.until(({ events }) => events.length === 2);
  assert.deepEqual(ear.offsets, [2, 3]);
  assert.equal(ear.resets, 0);
});

test("what_cannot_be_recovered_is_told_and_goes_on_from_now", async (t) => {
  const { server, connection } = await setUp(t);
  const [reader, watcher] = [new Ear(), new Ear()];
  connection.subscribe("a", { epoch: "old", offset: 7 }, none, reader);
  connection.subscribe("a", null, none, watcher);
  const client = await server.client();
  await client.welcome();
  await grant(client, 0, { offset: 2, recovered: false });
  await reader.until(({ resets }) => resets === 1);
  client.send(pub("a", 3));
  await reader.until(({ events }) => events.length === 1);
  assert.equal(watcher.resets, 0, "who asked for nothing before now misses nothing");
});

test("a_listener_that_read_earlier_than_the_wire_stands_is_not_left_with_a_hole", async (t) => {
  const { server, connection } = await setUp(t);
  const [early, late] = [new Ear(), new Ear()];
  connection.subscribe("a", null, none, early);
  const client = await server.client();
  await client.welcome();
  await grant(client, 0, { offset: 5 });
  client.send(pub("a", 6));
  await early.until(({ events }) => events.length === 1);
  connection.subscribe("a", { epoch: "e", offset: 4 }, none, late);
  const { subscribe } = await client.command("subscribe", 1);
  assert.equal(subscribe.offset, 4);
  await grant(client, 1, { offset: 6, recovered: true, publications: [{ data: 5, offset: 5 }, { data: 6, offset: 6 }] });
  await late.until(({ events }) => events.length === 2);
  assert.deepEqual(early.offsets, [6], "the other one hears nothing twice");
});

test("a_reader_that_fell_off_subscribes_again_from_its_position", async (t) => {
  const { server, connection } = await setUp(t);
  const ear = new Ear();
  connection.subscribe("a", null, none, ear);
  const client = await server.client();
  await client.welcome();
  await grant(client, 0, { offset: 3 });
  client.send({ push: { channel: "a", unsubscribe: { code: 2500, reason: "insufficient state" } } });
  const { subscribe } = await client.command("subscribe", 1);
  assert.deepEqual(subscribe, { channel: "a", recover: true, epoch: "e", offset: 3 });
});

test("being_put_off_is_tried_again_and_a_refusal_is_not", async (t) => {
  const { server, connection } = await setUp(t);
  const ear = new Ear();
  connection.subscribe("a", null, none, ear);
  const client = await server.client();
  await client.welcome();
  const first = await client.command("subscribe");
  client.send({ id: first.id, error: { code: 111, message: "too many requests" } });
  const second = await client.command("subscribe", 1);
  client.send({ id: second.id, error: { code: 103, message: "permission denied" } });
  await ear.until(({ refusals }) => refusals === 1);
  assert.equal(connection.state, "open");
});

test("a_close_code_that_says_so_ends_it", async (t) => {
  const { server, connection } = await setUp(t);
  connection.subscribe("a", null, none, new Ear());
  const client = await server.client();
  await client.welcome();
  await stateIs(connection, "open");
  client.socket.close(3500);
  await stateIs(connection, "refused");
  assert.equal(server.connections, 1);
});

test("an_expired_token_is_replaced_by_a_fresh_one", async (t) => {
  const asked: boolean[] = [];
  const token = (fresh: boolean): Promise<string> => {
    asked.push(fresh);
    return Promise.resolve(fresh ? "new" : "old");
  };
  const { server, connection } = await setUp(t, { token });
  connection.subscribe("a", null, none, new Ear());
  const first = await server.client();
  const connect = await first.command("connect");
  assert.equal(connect.connect.token, "old");
  first.send({ id: connect.id, error: { code: 109, message: "token expired" } });
  const second = await server.client();
  assert.equal((await second.command("connect")).connect.token, "new");
  assert.deepEqual(asked, [false, true]);
});

test("a_guests_token_is_handed_over", async (t) => {
  const given: unknown[] = [];
  const { server, connection } = await setUp(t, { onGuestToken: (token, sent) => given.push([token, sent]) });
  connection.subscribe("a", null, none, new Ear());
  const client = await server.client();
  await client.welcome({ token: "guest" });
  await stateIs(connection, "open");
  assert.deepEqual(given, [["guest", null]]);
});

test("who_asks_not_to_be_tracked_is_not_counted_and_the_site_is_named", async (t) => {
  const { server, connection } = await setUp(t, { count: false, site: "blog" });
  connection.subscribe("a", null, none, new Ear());
  const client = await server.client();
  const { connect } = await client.command("connect");
  assert.deepEqual(connect.data, { count: false });
  assert.equal(client.query.get("site"), "blog");
});

test("a_ping_is_answered", async (t) => {
  const { server, connection } = await setUp(t);
  connection.subscribe("a", null, none, new Ear());
  const client = await server.client();
  await client.welcome();
  client.send({});
  await client.until(() => client.received.some((command) => Object.keys(command).length === 0));
});

test("leaving_and_coming_in_one_turn_asks_nothing_of_the_server", async (t) => {
  const { server, connection } = await setUp(t);
  const leave = connection.subscribe("a", null, none, new Ear());
  const client = await server.client();
  await client.welcome();
  await grant(client, 0, { offset: 1 });
  client.send({});
  await client.until(() => client.received.some((command) => Object.keys(command).length === 0));
  leave();
  const leaveAgain = connection.subscribe("a", null, none, new Ear());
  await Promise.resolve();
  leaveAgain();
  const { unsubscribe } = await client.command("unsubscribe");
  assert.equal(unsubscribe.channel, "a");
  assert.equal(client.received.filter((command) => "subscribe" in command).length, 1);
  await client.until(() => client.closed);
  assert.equal(connection.state, "idle");
});

test("waits_grow_and_spread_over_all_of_their_length", () => {
  const always = (random: number) => ({ base_ms: 100, max_ms: 1000, random: () => random });
  assert.deepEqual([0, 1, 2, 3, 4, 50].map((attempt) => backoff_ms(attempt, always(0.999))), [99, 199, 399, 799, 999, 999]);
  assert.equal(backoff_ms(9, always(0)), 0);
});
