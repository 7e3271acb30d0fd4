/** The event stream as a transport, against answers that are told here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openStream } from "../src/client/cursor";
import type { Subscribed, TransportHost } from "../src/client/transport";

const publication = (offset: number): string => `event: publication\nid: e:${offset}\ndata: ${JSON.stringify({ event: "publication", channel: "c", offset, data: offset })}\n\n`;
const opening = (offset: number): string => `event: position\nid: e:${offset}\ndata: e:${offset}\n\n`;

test("what_comes_with_the_opening_of_a_stream_does_not_stand_for_what_is_asked_after_it", async () => {
  const asked: (string | null)[] = [];
  // The stream that is opened first brings news in the very piece that opens it.
  const answers = [opening(27) + publication(28), opening(21) + [22, 23, 28].map(publication).join("")];
  const real = globalThis.fetch;
  globalThis.fetch = (url) => {
    asked.push(new URL(String(url)).searchParams.get("since"));
    const text = answers.shift() ?? "";
    return Promise.resolve(new Response(new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(text)) })));
  };
  const granted: Subscribed[] = [];
  const heard: unknown[] = [];
  await new Promise<void>((done) => {
    const nothing = (): void => {};
    const host: TransportHost = {
      opened: () => transport.subscribe({ channel: "c", since: { epoch: "e", offset: 21 }, signals: [] }),
      subscribed: (answer) => granted.push(answer),
      event: (_, { data }) => {
        heard.push(data);
        if (data === 28) done();
      },
      refused: nothing, dropped: nothing, away: nothing, resumed: nothing, closed: nothing,
    };
    const transport = openStream({ server: "http://127.0.0.1/", site: null, token: null, count: true, channel: "c" }, host);
  });
  globalThis.fetch = real;
  assert.deepEqual(asked, [null, "e:21"]);
  assert.deepEqual(granted.map(({ position }) => position.offset), [21]);
  assert.deepEqual(heard, [22, 23, 28]);
});
