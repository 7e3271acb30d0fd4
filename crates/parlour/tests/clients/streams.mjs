/** The `eventsource` client and `curl -N` read a stream, are cut, and resume with nothing lost or doubled. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { EventSource } from "eventsource";
import { Heard, line, numbers, order, publish, story } from "./story.mjs";

const STREAM = "/v1/channels/stream/events";

/** A reader that comes back by itself, as browsers do. */
function eventSource(query) {
  const heard = new Heard();
  const source = new EventSource(line + STREAM + query);
  source.addEventListener("open", () => heard.push({ event: "open" }));
  for (const event of ["position", "publication", "gap"]) {
    source.addEventListener(event, ({ data, lastEventId }) => heard.push({ event, data: event === "position" ? data : JSON.parse(data), id: lastEventId }));
  }
  return { heard, close: () => source.close() };
}

/** A reader that a shell script would be: starts curl again with the last `id:` that it saw. */
function curl() {
  const heard = new Heard();
  let last = null;
  let running;
  let closed = false;
  const read = () => {
    const headers = ["-H", "Accept: text/event-stream", ...(last ? ["-H", `Last-Event-ID: ${last}`] : [])];
    running = spawn("curl", ["--no-buffer", "--silent", ...headers, line + STREAM], { stdio: ["ignore", "pipe", "inherit"] });
    let [event, id, data] = [null, null, null];
    createInterface({ input: running.stdout }).on("line", (text) => {
      const [, field, value] = /^([a-z]*): ?(.*)$/.exec(text) ?? [null, null, null];
      if (field === "event") event = value;
      else if (field === "id") id = value;
      else if (field === "data") data = value;
      else if (text === "" && event) {
        last = id ?? last;
        heard.push({ event, id, data: event === "position" ? data : JSON.parse(data) });
        [event, id, data] = [null, null, null];
      }
    });
    // The line is away for a while: curl is refused, and started again, until it is back.
    running.on("close", () => closed || read());
  };
  read();
  return {
    heard,
    close: () => {
      closed = true;
      running.kill();
    },
  };
}

const data = ({ heard }) => heard.all.filter(({ event }) => event === "publication").map((publication) => publication.data.data);

story(async () => {
  const position = await publish("stream", "long ago", "and a bit later");
  const [epoch] = position.split(":");
  const fromNow = [eventSource(""), curl()];
  const fromFirst = eventSource(`?since=${epoch}:1`);
  const readers = [...fromNow, fromFirst];
  for (const { heard } of readers) await heard.find(({ event }) => event === "position", "the position");
  assert.equal(fromNow[0].heard.all.find(({ event }) => event === "position").data, position);

  const all = (count) => Promise.all(readers.map((reader) => reader.heard.until(() => data(reader).includes(count), count)));
  await publish("stream", ...numbers(1, 5));
  await all(5);
  await order("cut");
  await publish("stream", ...numbers(6, 10));
  await all(10);
  await order("down");
  await publish("stream", ...numbers(11, 13));
  await order("kill");
  await order("start");
  await publish("stream", ...numbers(14, 20));
  await order("up");
  await all(20);
  await publish("stream", 21);
  await all(21);

  for (const reader of fromNow) assert.deepEqual(data(reader), numbers(1, 21));
  assert.deepEqual(data(fromFirst), ["and a bit later", ...numbers(1, 21)]);
  for (const { heard } of readers) {
    assert.ok(!heard.all.some(({ event }) => event === "gap"), "nobody was told of a gap");
    const publications = heard.all.filter(({ event }) => event === "publication");
    assert.ok(publications.every(({ id, data }) => id === `${epoch}:${data.offset}`), "every id is the position");
  }
  for (const reader of readers) reader.close();
});
