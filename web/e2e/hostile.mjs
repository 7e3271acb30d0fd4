/** Comments that want to be programs: whatever the field, they do nothing in the browser that wrote them nor in another. */
import assert from "node:assert/strict";
import { server, story } from "../../crates/parlour/tests/clients/story.mjs";
import { document, embed, fill, launch, Reader, site } from "./stage.mjs";

const DO = "window.pwned=1,alert(1)";
const TEXTS = [
  `<script>${DO}</script>`,
  `<img src=nowhere onerror="${DO}">`,
  `<svg onload="${DO}"><animate onbegin="${DO}" attributeName=x dur=1s></svg>`,
  `<a href="javascript:${DO}">press</a>`,
  `[press](javascript:${DO})`,
  `[press](JaVaScRiPt&colon;${DO})`,
  `[press](  java\tscript:${DO})`,
  `<javascript:${DO}>`,
  `![x](javascript:${DO})`,
  `![x](nowhere"onerror="${DO})`,
  `[press](data:text/html,<script>${DO}</script>)`,
  `[press](vbscript:${DO})`,
  `<iframe srcdoc="<script>parent.${DO}</script>"></iframe>`,
  `<iframe src="javascript:parent.${DO}"></iframe>`,
  `<details open ontoggle="${DO}">x</details>`,
  `<input autofocus onfocus="${DO}">`,
  `<style>@import "//nowhere.localhost/x.css"; * { display: none }</style>`,
  `<form action="javascript:${DO}"><button>press</button></form>`,
  `<math><mtext><table><mglyph><style><img src=nowhere onerror="${DO}">`,
  `<noscript><p title="</noscript><img src=nowhere onerror='${DO}'>">`,
  `"><img src=nowhere onerror=${DO}>`,
  `</textarea><script>${DO}</script>`,
  `{{constructor.constructor('${DO}')()}}`,
  `<parlour-comments server="//nowhere.localhost/"></parlour-comments>`,
];
const TYPED = 5;
const ALLOWED = /^(https?:|mailto:|#)/i;

/** What of the thread's own nodes could run, load or lead somewhere bad. */
const suspicious = () =>
  [...document.querySelector("parlour-comments").shadowRoot.querySelectorAll(".feed *")].flatMap((element) => {
    const bad = /^(script|iframe|object|embed|svg|math|style|link|base|meta|form|input|parlour-.*)$/i.test(element.localName);
    const own = element.closest(".form-slot");
    const attributes = [...element.attributes].filter(({ name }) => /^on|^srcdoc$|^action$|^formaction$/i.test(name));
    return (bad && !own) || attributes.length ? [element.outerHTML] : [];
  });

const links = () =>
  [...document.querySelector("parlour-comments").shadowRoot.querySelectorAll(".feed [href], .feed [src]")].map(
    (element) => element.getAttribute("href") ?? element.getAttribute("src"),
  );

async function nothingHappened({ page, complaints }) {
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.deepEqual(complaints, []);
  assert.deepEqual(await page.evaluate(suspicious), []);
  for (const link of await page.evaluate(links)) assert.match(link, ALLOWED);
}

story(async () => {
  const title = "</title><img src=nowhere onerror=window.pwned=1,alert(1)>".replaceAll("<", "&lt;");
  const base = await site({ "/page": document(embed, { title }) });
  const address = `${base}/page?q=%3Cscript%3Ewindow.pwned=1%3C/script%3E'"`;
  const browser = await launch();
  const [one, two] = [await Reader.open(browser, address), await Reader.open(browser, address)];
  await Promise.all([one.viewers("2 people are reading"), two.viewers("2 people are reading")]);

  // Typed, as a person would: the text as body and as name, as often as one may in a row.
  for (const text of TEXTS.slice(0, TYPED)) {
    await one.page.locator("parlour-comments .writing textarea").fill(`${text} typed`);
    await one.page.locator("parlour-comments .writing").getByLabel("Name").fill(text.slice(0, 60));
    const posted = one.page.waitForResponse((response) => response.request().method() === "POST" && response.url().includes("/comments"));
    await one.page.locator("parlour-comments .writing button[type=submit]").click();
    assert.equal((await posted).status(), 201);
  }
  // By HTTP, where no form cuts anything off: in every field.
  for (const text of TEXTS) {
    for (const more of [{}, { author: { name: text.slice(0, 60) } }, { page: { url: address, title: text } }]) {
      const [{ status, detail }] = await fill(address, [`${text} sent`], more);
      assert.equal(status, 201, detail);
    }
    // Such a page is of no site; what is refused is stored nowhere.
    const [{ status }] = await fill(address, [text], { page: { url: `javascript:${DO}//${text}`, title: "x" } });
    assert.ok([400, 403, 422].includes(status), `a page of ${status}`);
  }
  await fill(address, ["The last one."]);
  for (const reader of [one, two]) {
    await reader.shows("The last one.");
    await nothingHappened(reader);
  }
  // The same from the page as it is read anew, whole.
  const count = TYPED + 3 * TEXTS.length + 1;
  for (const reader of [one, two]) {
    await reader.page.reload();
    await reader.shows("The last one.");
    await reader.page.locator("parlour-comments h2", { hasText: `${count} comments` }).waitFor();
    while (await reader.page.locator("parlour-comments button.more").isVisible()) {
      const shown = await reader.page.locator("parlour-comments article").count();
      await reader.page.locator("parlour-comments button.more").click();
      await reader.page.locator("parlour-comments article").nth(shown).waitFor();
    }
    assert.equal(await reader.page.locator("parlour-comments article").count(), count);
    await nothingHappened(reader);
  }
  // Pressing what calls itself a link, where one is left, leads nowhere either.
  for (const link of await one.page.locator("parlour-comments .body a").all()) {
    const target = await link.getAttribute("href");
    assert.match(target, ALLOWED);
  }
  assert.equal((await fetch(`${server}/healthz`)).status, 200);
  await browser.close();
});
