/** Checks of the showcase: every element in every state, looked at by axe, and as pictures. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { server } from "../../crates/parlour/tests/clients/story.mjs";
import { check } from "./checks.mjs";

const axe = readFileSync(createRequire(new URL("../../crates/parlour/tests/clients/", import.meta.url)).resolve("axe-core/axe.min.js"), "utf8");
const pictures = process.argv[4] && process.argv[4] !== "-" ? process.argv[4] : null;

/** Brings every state about: what comes after a reading, and what somebody has to do for it. */
async function settle({ page }) {
  const last = await page.locator("section").last();
  await last.waitFor();
  for (const section of await page.locator("section").all()) await section.scrollIntoViewIfNeeded();
  for (const state of ["failing", "waiting"]) {
    const form = page.locator(`#${state} .writing form`);
    await form.locator("textarea").fill(`Written while it is ${state}.`);
    await form.locator("button.primary").click();
    await page.locator(`#${state} article[data-state=${state === "failing" ? "failed" : "waiting"}]`).waitFor();
  }
  for (const state of ["refused", "away"]) await page.locator(`#${state} .notice`).waitFor();
  await page.locator("#full [data-do=reply]").first().click();
  await page.locator("#full article textarea").waitFor();
  await page.locator("#full article .tools button").first().waitFor();
  await page.locator("#busy [data-do=menu]").first().click();
  await page.locator("#busy .menu").waitFor();
  await page.locator("#busy .viewers", { hasText: "1,230" }).or(page.locator("#busy .viewers:not([hidden])")).first().waitFor();
  await page.locator("#chat .typing", { hasText: "Grace" }).waitFor();
  await page.locator("#busy .fold").first().click();
  await page.locator("#cut [data-do=more]").waitFor();
}

check("In each state of the showcase axe finds nothing, light and dark.", async ({ open }) => {
  for (const theme of ["light", "dark"]) {
    const reader = await open(`${server}/showcase?theme=${theme}`, { colorScheme: theme });
    await settle(reader);
    const bare = await reader.page.evaluate(() =>
      [...document.querySelectorAll("parlour-comments, parlour-chat")].flatMap(({ shadowRoot }) => shadowRoot.textContent.match(/\b(?:thread|comment|form|chat|tools|menu|problem|moderate)\.[a-z]+/g) ?? []));
    assert.deepEqual(bare, [], "every text has words");
    // Many threads on one page have one name: that is the showcase's own. By evaluation, for the page's own policy allows no other script.
    await reader.page.evaluate(axe);
    const found = await reader.page.evaluate(async () => (await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: { "landmark-unique": { enabled: false } } })).violations);
    const told = found.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target, failureSummary }) => `${JSON.stringify(target)} ${failureSummary}`).join(" | ")}`);
    assert.deepEqual(told, [], theme);
    await reader.close();
  }
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  assert.ok(existsSync(pictures));
  for (const width of [320, 768, 1280]) {
    for (const [name, query, colorScheme] of [["light", "theme=light", "light"], ["dark", "theme=dark", "dark"], ["rtl", "theme=light&dir=rtl&lang=ar", "light"]]) {
      const reader = await open(`${server}/showcase?${query}`, { colorScheme, viewport: { width, height: 900 } });
      await reader.page.locator("#full article").first().waitFor();
      const wide = await reader.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} at ${width} is ${wide} px wider than its window`);
      // With an answer begun, so that forms and their tools are looked at.
      await reader.page.locator("#full [data-do=reply]").nth(1).click();
      await reader.page.locator("#full article .tools button").first().waitFor();
      await reader.page.locator("#full article textarea").fill("Half a thought.");
      await reader.page.locator("#full").screenshot({ path: join(pictures, `showcase-${name}-${width}.png`) });
      await reader.page.locator("#chat").scrollIntoViewIfNeeded();
      await reader.page.locator("#chat .typing", { hasText: "Grace" }).waitFor();
      await reader.page.locator("#chat").screenshot({ path: join(pictures, `chat-${name}-${width}.png`) });
      await reader.close();
    }
  }
});
