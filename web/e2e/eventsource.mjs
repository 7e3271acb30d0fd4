/** A browser's own `EventSource`, of another origin, is cut and resumes with nothing lost or doubled. */
import assert from "node:assert/strict";
import { line, numbers, order, publish, story } from "../../crates/parlour/tests/clients/story.mjs";
import { document, launch, Reader, site } from "./stage.mjs";

const until = ({ page }, last) => page.waitForFunction((wanted) => window.heard.includes(wanted), last);

story(async () => {
  const browser = await launch();
  const reader = await Reader.open(browser, `${await site({ "/page": document("") })}/page`);
  await publish("browser", "long ago");
  await reader.page.evaluate(
    (address) =>
      new Promise((resolve) => {
        window.heard = [];
        const source = new EventSource(address);
        source.addEventListener("publication", ({ data }) => window.heard.push(JSON.parse(data).data));
        source.addEventListener("gap", () => window.heard.push("gap"));
        source.addEventListener("position", resolve);
      }),
    `${line}/v1/channels/browser/events`,
  );
  await publish("browser", ...numbers(1, 5));
  await until(reader, 5);
  await order("cut");
  await publish("browser", ...numbers(6, 9));
  await until(reader, 9);
  // Killed, but the line's port stays: a browser gives up for good where nobody listens at all.
  await order("cut");
  await order("kill");
  await order("start");
  await publish("browser", ...numbers(10, 14));
  await until(reader, 14);
  assert.deepEqual(await reader.page.evaluate(() => window.heard), numbers(1, 14));
  await browser.close();
});
