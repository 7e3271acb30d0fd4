/**
 * A server that does not know the page's origin: the thread says so, and names the option that lets the page in. Then in-thread
 * moderation on a page that it knows, by buttons and keys. Arguments behind the addresses: the port of the known page, a
 * moderator's token.
 */
import assert from "node:assert/strict";
import { server, story } from "../../crates/parlour/tests/clients/story.mjs";
import { inThread, untilThread } from "./checks.mjs";
import { document, embed, launch, Reader, site } from "./stage.mjs";

const [port, token] = process.argv.slice(5);

story(async () => {
  const browser = await launch();
  const foreign = `${await site({ "/page": document(embed) })}/page`;
  const refused = await Reader.open(browser, foreign);
  await refused.page.locator("parlour-comments").getByText(`--origins ${new URL(foreign).origin}`).waitFor();
  assert.deepEqual(refused.complaints, []);
  await refused.close();

  const thread = `<script async src="${server}/embed.js" data-manual></script><parlour-comments></parlour-comments>`;
  const desk = `<script async src="${server}/embed.js" data-manual></script><parlour-comments token="${token}"></parlour-comments>`;
  const pages = await site({ "/page": document(thread), "/page/index.html": document(desk) }, Number(port));
  const reader = await Reader.open(browser, `${pages}/page`);
  const moderator = await Reader.open(browser, `${pages}/page/index.html`);
  await reader.write("stays", { name: "Ann" });
  await reader.write("goes");
  for (const text of ["stays", "goes"]) await moderator.shows(text);

  // Eight seconds in which it can be undone; then it is done for everyone.
  await moderator.comment("goes").locator("[data-do=reject]").click();
  await moderator.page.getByRole("button", { name: "Undo" }).click();
  assert.ok(await inThread(moderator, (root) => !root.querySelector("[data-doomed]")));
  await moderator.comment("goes").evaluate((article) => article.focus());
  await moderator.page.keyboard.press("x");
  await reader.comment("goes").waitFor({ state: "detached" });
  await reader.shows("stays");
  await moderator.comment("stays").locator("[data-do=pin]").click();
  await untilThread(reader, (root) => [...root.querySelectorAll(".badge")].some((badge) => badge.textContent === "Pinned"));

  await moderator.page.getByRole("button", { name: "Close the discussion" }).click();
  await reader.page.getByText("Comments are closed.").waitFor();
  await moderator.page.getByRole("button", { name: "Open the discussion" }).click();
  await reader.page.locator("parlour-comments .writing textarea").waitFor();
  for (const { complaints } of [reader, moderator]) assert.deepEqual(complaints, []);
  await browser.close();
});
