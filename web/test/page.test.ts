/**
 * The page's key and channel, by the same file of cases that the server's module is run by:
 * `cases/pages.json` at the repository's root, `{"url", "id"?, "key", "channel"}` or
 * `{"url", "error": true}`.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { PageError, channelOfKey, pageChannel, pageKey } from "../src/client/page";
import { sha256 } from "../src/client/sha256";

declare const REPOSITORY: string;

interface Case {
  url: string;
  id?: string;
  key?: string;
  channel?: string;
  error?: boolean;
}

const file = `${REPOSITORY}/cases/pages.json`;
const missing = existsSync(file) ? false : `${file} is not there`;

test("every_case_that_the_server_is_run_by_gives_the_same_key_and_channel", { skip: missing }, () => {
  const told = JSON.parse(readFileSync(file, "utf8")) as Case[] | { cases: Case[] };
  const cases = Array.isArray(told) ? told : told.cases;
  assert.ok(cases.length > 0);
  const wrong: string[] = [];
  for (const { url, id, key, channel, error } of cases) {
    let found: string;
    try {
      found = pageKey(url, id);
    } catch (thrown) {
      assert.ok(thrown instanceof PageError, `${url}: ${String(thrown)}`);
      if (!error) wrong.push(`${url}: refused`);
      continue;
    }
    if (error) wrong.push(`${url}: ${found} instead of a refusal`);
    else if (found !== key) wrong.push(`${url}: ${found} instead of ${key}`);
    else if (channel !== undefined && pageChannel(url, id) !== channel) wrong.push(`${url}: wrong channel`);
  }
  assert.deepEqual(wrong, []);
});

test("tracking_scheme_www_fragment_index_and_last_slash_make_no_other_page", () => {
  const same = [
    "https://example.org/a/b",
    "http://user:secret@WWW.Example.org:80/a//b/?utm_source=x&fbclid=1#part",
    "https://example.org/a/./c/../b/index.html",
    "https://example.org/%61/b?ref=mail",
  ];
  assert.deepEqual([...new Set(same.map((url) => pageKey(url)))], ["url:example.org/a/b"]);
});

test("parameters_that_are_kept_are_sorted", () => {
  assert.equal(pageKey("https://example.org/?b=2&a=1&utm_x=y"), "url:example.org?a=1&b=2");
});

test("an_id_of_the_author_comes_before_the_address", () => {
  assert.equal(pageKey("https://example.org/x", "post-7"), "id:post-7");
});

test("what_is_no_http_address_is_refused", () => {
  for (const url of ["", "/a", "mailto:a@example.org", "file:///etc/hosts", `https://example.org/${"a".repeat(2048)}`]) {
    assert.throws(() => pageKey(url), PageError, url);
  }
});

test("the_digest_is_the_one_that_the_platform_computes", () => {
  for (const text of ["", "abc", "ä€😀", "x".repeat(55), "x".repeat(56), "x".repeat(64), "x".repeat(1000)]) {
    assert.equal(sha256(text), createHash("sha256").update(text).digest("hex"), `${text.length} characters`);
  }
});

test("a_channel_is_the_first_half_of_the_keys_digest", () => {
  assert.match(channelOfKey("id:post-7"), /^page:[0-9a-f]{32}$/);
});
