/**
 * The thread in Firefox, over WebDriver BiDi: posting, arrival, the reading position, coming back after
 * a kill, the keyboard, tabs that share a connection, right to left, and dark and reduced motion as
 * the reader prefers them from the start.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { order, story } from "../../crates/parlour/tests/clients/story.mjs";
import { pages, post, stored, thread } from "./checks.mjs";
import { fill } from "./stage.mjs";
import { Proxy } from "./proxies.mjs";

const puppeteer = createRequire(new URL("../../crates/parlour/tests/clients/", import.meta.url))("puppeteer-core");
const executablePath = ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find(existsSync);
const PATIENCE_MS = 30_000;

const launch = (extraPrefsFirefox = {}) => puppeteer.launch({ browser: "firefox", executablePath, headless: true, timeout: 120_000, extraPrefsFirefox });

async function open(browser, address) {
  const tab = await browser.newPage();
  tab.setDefaultTimeout(PATIENCE_MS);
  await tab.goto(address);
  return tab;
}

const within = (tab, act, argument) => tab.evaluate(`(${act})(document.querySelector("parlour-comments").shadowRoot, ${JSON.stringify(argument ?? null)})`);
const until = (tab, act, argument) => tab.waitForFunction(`(() => { const root = document.querySelector("parlour-comments")?.shadowRoot; return root && (${act})(root, ${JSON.stringify(argument ?? null)}); })()`);
const shows = (tab, text) =>
  until(tab, (root, wanted) => {
    if ([...root.querySelectorAll("article > .content > .body")].some((body) => body.textContent.includes(wanted))) return true;
    root.querySelector(".pill:not([hidden]), .foot [data-do=new]")?.click();
    return false;
  }, text);

async function write(tab, body) {
  await within(tab, (root) => root.querySelector(".writing textarea").focus());
  await tab.keyboard.type(body);
  await until(tab, (root) => root.querySelector(".writing input"));
  await tab.keyboard.down("Control");
  await tab.keyboard.press("Enter");
  await tab.keyboard.up("Control");
  await shows(tab, body);
}

async function postsAndArrives(browser, page) {
  const address = page();
  const made = await thread(address, 20);
  const tab = await open(browser, address);
  await shows(tab, "end 19");
  await within(tab, (root) => root.querySelectorAll("article")[9].scrollIntoView({ block: "start", behavior: "instant" }));
  const top = () => within(tab, (root) => root.querySelectorAll("article")[9].getBoundingClientRect().top);
  const before = await top();
  for (let number = 0; number < 10; number++) await post(made[0].comment.channel, `Arrival ${number}`, number % 2 ? { parent: made[number].comment.id } : {});
  await until(tab, (root) => root.querySelector(".count").textContent === "30 comments");
  assert.ok(Math.abs((await top()) - before) <= 1, "what is read moved");
  await shows(tab, "Arrival 8");
  await write(tab, "From Firefox");
  await until(tab, (root) => root.querySelectorAll("article[data-state=sending]").length === 0);
  assert.ok((await stored(address)).some(({ body }) => body === "From Firefox"));
  return tab;
}

async function comesBack(tab, address) {
  await order("kill");
  await order("start");
  await fill(address, ["after the kill"]);
  await shows(tab, "after the kill");
  await write(tab, "and from here");
}

async function worksByKeyboard(tab) {
  await within(tab, (root) => root.querySelector("article").focus());
  await tab.keyboard.press("j");
  await until(tab, (root) => root.activeElement === root.querySelectorAll("article")[1] || root.activeElement === root.querySelector("article article"));
  await tab.keyboard.press("r");
  await until(tab, (root) => root.activeElement?.matches("article textarea"));
  await tab.keyboard.press("Escape");
  await until(tab, (root) => root.activeElement?.dataset.do === "reply");
}

async function tabsShare(browser, page) {
  const proxy = await Proxy.open();
  const address = page({ from: proxy.address });
  await thread(address, 2);
  const tabs = [];
  for (let index = 0; index < 3; index++) tabs.push(await open(browser, address));
  for (const tab of tabs) await shows(tab, "end 1");
  await fill(address, ["to all tabs"]);
  for (const tab of tabs) await until(tab, (root) => root.querySelector(".count").textContent === "3 comments");
  assert.equal(proxy.websockets.size, 1);
  for (const tab of tabs) await tab.close();
}

story(async () => {
  const page = await pages();
  const browser = await launch();
  const tab = await postsAndArrives(browser, page);
  await worksByKeyboard(tab);
  await comesBack(tab, tab.url());
  await tabsShare(browser, page);
  const rtl = await open(browser, page({ dir: "rtl", lang: "ar" }));
  await until(rtl, (root) => root.querySelector(".box").dir === "rtl" && root.querySelector(".count").textContent.includes("تعليق"));
  await browser.close();

  const other = await launch({ "ui.systemUsesDarkTheme": 1, "ui.prefersReducedMotion": 1, "layout.css.prefers-color-scheme.content-override": 0 });
  const address = page();
  await thread(address, 3);
  const dark = await open(other, address);
  await shows(dark, "end 2");
  assert.equal(await within(dark, (root) => root.querySelector(".box").dataset.scheme), "dark");
  assert.equal(await dark.evaluate(() => matchMedia("(prefers-reduced-motion: reduce)").matches), true);
  await within(dark, (root) => root.querySelectorAll("article")[2].scrollIntoView({ behavior: "instant" }));
  await fill(address, ["quietly"]);
  await until(dark, (root) => !root.querySelector(".pill").hidden);
  assert.equal(await within(dark, (root) => getComputedStyle(root.querySelector(".pill")).animationName), "none");
  await other.close();
});
