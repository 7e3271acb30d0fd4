/**
 * The examples as somebody would put them up: built, started and posted through in Chromium. The arguments behind the addresses
 * say which. What they need beside Node (Hugo, PHP, MariaDB, WordPress) is checked by who starts this.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { server, story, until } from "../../crates/parlour/tests/clients/story.mjs";
import { inThread, stored } from "./checks.mjs";
import { launch, Reader } from "./stage.mjs";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const SECRET = "a-secret-that-only-this-test-and-its-site-know";
const PATIENCE_MS = 60_000;
const place = mkdtempSync(join(tmpdir(), "parlour-examples-"));
const started = [];

function run(program, parameters, options = {}) {
  const done = spawnSync(program, parameters, { encoding: "utf8", ...options, env: { ...process.env, ...options.env } });
  assert.equal(done.status, 0, `${program} ${parameters.join(" ")}: ${done.error ?? ""}\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
}

/** Serves a folder as a static host does, on `a.localhost`; answers the base address. */
async function host(folder) {
  const types = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css" };
  const listening = createServer((request, response) => {
    let file = join(folder, decodeURIComponent(new URL(request.url, "http://a.localhost").pathname));
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, "index.html");
    const isThere = existsSync(file);
    response.writeHead(isThere ? 200 : 404, { "Content-Type": types[file.split(".").at(-1)] ?? "application/octet-stream" });
    response.end(isThere ? readFileSync(file) : "");
  });
  await new Promise((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return `http://a.localhost:${listening.address().port}`;
}

/** Two readers at `address`: what one writes is at the other's. */
async function talk(browser, address, text) {
  const [one, two] = [await Reader.open(browser, address), await Reader.open(browser, address)];
  await one.write(text, { name: "Ann" });
  await two.shows(text);
  for (const { complaints } of [one, two]) assert.deepEqual(complaints, []);
  await two.close();
  return one;
}

/** An application of two pages that changes between them without loading anew. */
async function application(browser, name, variable, build) {
  const out = join(place, name);
  const source = join(EXAMPLES, name);
  run("npx", ["--no-install", ...build(out)], { cwd: source, env: { [variable]: server, ASTRO_TELEMETRY_DISABLED: "1", CI: "1" } });
  return host(out);
}

async function changesPages(reader, text, to) {
  await reader.page.getByRole("button", { name: "The second page" }).click();
  await reader.page.getByRole("heading", { name: "The second page" }).waitFor();
  await reader.page.locator("parlour-comments .hint", { hasText: "No comments yet" }).waitFor();
  await reader.write(to);
  await reader.page.getByRole("button", { name: "The first page" }).click();
  await reader.shows(text);
  assert.ok(!(await inThread(reader, (root) => root.textContent)).includes(to), "another page's comment is not here");
}

const EACH = {
  async react(browser) {
    const address = await application(browser, "react", "VITE_PARLOUR", (out) => ["vite", "build", "--outDir", out, "--logLevel", "warn"]);
    const reader = await talk(browser, `${address}/`, "from React");
    await changesPages(reader, "from React", "on React's second page");
  },

  async vue(browser) {
    const address = await application(browser, "vue", "VITE_PARLOUR", (out) => ["vite", "build", "--outDir", out, "--logLevel", "warn"]);
    const reader = await talk(browser, `${address}/`, "from Vue");
    await changesPages(reader, "from Vue", "on Vue's second page");
  },

  async astro(browser) {
    const address = await application(browser, "astro", "PUBLIC_PARLOUR", (out) => ["astro", "build", "--outDir", out]);
    await talk(browser, `${address}/first/`, "from Astro");
    const reader = await talk(browser, `${address}/second/`, "on Astro's second page");
    assert.ok(!(await inThread(reader, (root) => root.textContent)).includes("from Astro"));
  },

  async hugo(browser) {
    const [source, out] = [join(place, "hugo-source"), join(place, "hugo")];
    cpSync(join(EXAMPLES, "hugo"), source, { recursive: true });
    run("hugo", ["--source", source, "--destination", out, "--quiet"], { env: { HUGO_PARAMS_PARLOUR: server } });
    const address = await host(out);
    await talk(browser, `${address}/posts/first/`, "from Hugo");
    const reader = await talk(browser, `${address}/posts/second/`, "on Hugo's second page");
    assert.ok(!(await inThread(reader, (root) => root.textContent)).includes("from Hugo"));
    assert.ok(!readFileSync(join(out, "posts/quiet/index.html"), "utf8").includes("parlour"), "a page may have none");
  },

  /** The theme's partial, rendered by Ghost's own template language with the post as Ghost documents it. */
  async ghost(browser) {
    const handlebars = createRequire(new URL("../../crates/parlour/tests/clients/", import.meta.url))("handlebars").create();
    handlebars.registerPartial("parlour", readFileSync(join(EXAMPLES, "ghost/parlour.hbs"), "utf8").replaceAll("https://talk.example.org", server));
    const post = handlebars.compile('<!doctype html><html lang="en"><meta charset="utf-8"><title>{{post.title}}</title><link rel="icon" href="data:,"><h1>{{post.title}}</h1>{{#post}}{{{html}}}{{/post}}{{> parlour}}</html>');
    const out = join(place, "ghost");
    for (const [slug, comment_id] of [["one", "5f1e0c0a9b7d1c0001a1b2c3"], ["two", "5f1e0c0a9b7d1c0001a1b2c4"]]) {
      mkdirSync(join(out, slug), { recursive: true });
      writeFileSync(join(out, slug, "index.html"), post({ post: { id: comment_id, comment_id, slug, title: `Post ${slug}`, html: "<p>Some text.</p>" } }));
    }
    const address = await host(out);
    await talk(browser, `${address}/one/`, "from Ghost");
    const reader = await talk(browser, `${address}/two/`, "on Ghost's second post");
    assert.ok(!(await inThread(reader, (root) => root.textContent)).includes("from Ghost"));
  },

  async wordpress(browser) {
    const address = await installWordPress();
    const reader = await Reader.open(browser, `${address}/wp-login.php`);
    const { page } = reader;
    await page.locator("#user_login").fill("owner");
    await page.locator("#user_pass").fill("a long enough password");
    await page.locator("#wp-submit").click();
    await page.waitForURL("**/wp-admin/**");
    await page.goto(`${address}/wp-admin/plugins.php`);
    await page.locator("#activate-parlour").click();
    await page.locator("#deactivate-parlour").waitFor();
    for (const [theme, text] of [["twentytwentyone", "the owner, in a classic theme"], ["twentytwentythree", "the owner, in a block theme"]]) {
      await page.goto(`${address}/wp-admin/themes.php`);
      const card = page.locator(`[data-slug="${theme}"]`);
      if (!(await card.getAttribute("class")).includes("active")) await card.locator(".activate").click({ force: true });
      await page.goto(`${address}/?p=1`);
      assert.equal(await page.locator("#respond, .comment-form").count(), 0, "WordPress' own comments are gone");
      await reader.write(text);
      const head = reader.comment(text).locator(":scope > .content > .head");
      await head.getByText("The Owner").waitFor();
      await head.getByText("Admin", { exact: true }).waitFor();
    }
    const guest = await Reader.open(browser, `${address}/?p=1`);
    await guest.shows("the owner, in a classic theme");
    await guest.write("a guest", { name: "Gus" });
    await reader.shows("a guest");
    const { host: Host, port } = new URL(address);
    const asked = await fetch(`http://127.0.0.1:${port}/index.php?rest_route=/parlour/v1/token`, { headers: { Host, Origin: "https://elsewhere.example" } });
    assert.deepEqual(await asked.json(), { token: null });
    assert.equal(asked.headers.get("Access-Control-Allow-Origin"), null, "no other origin reads a token");
    assert.equal(asked.headers.get("Cache-Control"), "no-store");
    assert.equal((await stored(`${address}/?p=1`)).length, 0, "the thread is the post's, not the address's");
  },
};

/** Starts a program that serves; it ends with the test. */
function start(program, parameters, options) {
  const child = spawn(program, parameters, { stdio: "ignore", ...options });
  started.push(child);
  return child;
}

const answers = (to) =>
  new Promise((resolve) => {
    const socket = connect(to, () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });

const freePort = () =>
  new Promise((resolve) => {
    const listening = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listening.address();
      listening.close(() => resolve(port));
    });
  });

/** Debian's WordPress in a folder of its own, on a MariaDB that listens on a socket alone, served by PHP's own server. */
async function installWordPress() {
  const data = join(place, "mariadb");
  const socket = join(place, "db.sock");
  const root = process.getuid() === 0 ? ["--user=root"] : [];
  run("mariadb-install-db", [...root, `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
  const mariadbd = ["/usr/sbin/mariadbd", "/usr/bin/mariadbd"].find(existsSync);
  start(mariadbd, ["--no-defaults", ...root, `--datadir=${data}`, `--socket=${socket}`, "--skip-networking", "--skip-grant-tables", `--pid-file=${join(place, "db.pid")}`, "--innodb-flush-log-at-trx-commit=0"]);
  await until(() => answers(socket), "MariaDB", PATIENCE_MS);
  run("php", ["-r", `(new mysqli('localhost', 'root', '', '', 0, '${socket}'))->query('CREATE DATABASE wordpress');`]);
  const folder = join(place, "wordpress");
  cpSync("/usr/share/wordpress", folder, { recursive: true, dereference: true, filter: (path) => !path.includes("/wp-content/languages") });
  for (const theme of ["twentytwentyone", "twentytwentythree"]) {
    const from = [`/usr/share/wordpress/wp-content/themes/${theme}`, `/var/lib/wordpress/wp-content/themes/${theme}`].find(existsSync);
    cpSync(from, join(folder, "wp-content/themes", theme), { recursive: true, dereference: true });
  }
  cpSync(join(EXAMPLES, "wordpress/parlour.php"), join(folder, "wp-content/plugins/parlour.php"));
  const port = await freePort();
  const address = `http://a.localhost:${port}`;
  const constants = { DB_NAME: "wordpress", DB_USER: "root", DB_PASSWORD: "", DB_HOST: `localhost:${socket}`, DB_CHARSET: "utf8mb4", WP_HOME: address, WP_SITEURL: address, PARLOUR_SERVER: server, PARLOUR_SECRET: SECRET, AUTH_KEY: "a", SECURE_AUTH_KEY: "b", LOGGED_IN_KEY: "c", NONCE_KEY: "d", AUTH_SALT: "e", SECURE_AUTH_SALT: "f", LOGGED_IN_SALT: "g", NONCE_SALT: "h" };
  const lines = Object.entries(constants).map(([name, value]) => `define(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  // It asks nobody: no updates, no news, no gravatars, no mail.
  lines.push("define('DISABLE_WP_CRON', true);", "define('WP_HTTP_BLOCK_EXTERNAL', true);", "define('AUTOMATIC_UPDATER_DISABLED', true);", "define('ABSPATH', __DIR__ . '/');", "$table_prefix = 'wp_';", "require_once ABSPATH . 'wp-settings.php';");
  writeFileSync(join(folder, "wp-config.php"), `<?php\n${lines.join("\n")}\n`);
  start("php", ["-d", "sendmail_path=/bin/true", "-S", `127.0.0.1:${port}`, "-t", folder], { env: { ...process.env, PHP_CLI_SERVER_WORKERS: "4" }, cwd: folder });
  await until(() => answers({ port, host: "127.0.0.1" }), "PHP", PATIENCE_MS);
  const form = new URLSearchParams({ weblog_title: "A site", user_name: "owner", admin_password: "a long enough password", admin_password2: "a long enough password", pw_weak: "1", admin_email: "owner@example.org", language: "" });
  const installed = await fetch(`http://127.0.0.1:${port}/wp-admin/install.php?step=2`, { method: "POST", body: form, headers: { Host: `a.localhost:${port}` } });
  assert.match(await installed.text(), /Success!/);
  run("php", ["-r", `(new mysqli('localhost', 'root', '', 'wordpress', 0, '${socket}'))->query("UPDATE wp_users SET display_name = 'The Owner'");`]);
  return address;
}

story(async () => {
  const browser = await launch();
  try {
    for (const name of process.argv.slice(5)) {
      const started_ms = Date.now();
      await EACH[name](browser);
      console.log(`ok ${name} (${Date.now() - started_ms} ms)`);
    }
  } finally {
    for (const child of started) child.kill("SIGKILL");
    await browser.close();
    rmSync(place, { recursive: true, force: true, maxRetries: 5 });
  }
});
