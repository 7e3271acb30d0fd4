/** The languages: the same keys and placeholders everywhere, every plural form that a language has, and nothing left empty. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

/** The repository, told by `run.mjs`. */
declare const REPOSITORY: string;

const folder = join(REPOSITORY, "web/src/locales");
const tables = new Map(readdirSync(folder).map((file) => [file.replace(".json", ""), JSON.parse(readFileSync(join(folder, file), "utf8")) as Record<string, string>]));
const english = tables.get("en")!;
/** What counts: it has a form `one` in English. */
const counting = Object.keys(english).filter((key) => key.endsWith(".one")).map((key) => key.slice(0, -4));
const rootOf = (key: string): string => counting.find((root) => key.startsWith(`${root}.`) && /^\.(zero|one|two|few|many|other)$/.test(key.slice(root.length))) ?? key;
const holders = (text: string): string => [...new Set(text.match(/\{\w+\}/g))].sort().join();

test("the_languages_are_those_that_were_promised", () => {
  assert.deepEqual([...tables.keys()].sort(), ["ar", "de", "en", "es", "fr", "ja", "pt-BR", "zh-Hans"]);
});

test("every_language_has_every_key_and_no_other", () => {
  const wanted = [...new Set(Object.keys(english).map(rootOf))].sort();
  for (const [code, table] of tables) assert.deepEqual([...new Set(Object.keys(table).map(rootOf))].sort(), wanted, code);
});

test("every_plural_form_of_each_language_is_there_and_no_other", () => {
  for (const [code, table] of tables) {
    const forms = [...new Intl.PluralRules(code).resolvedOptions().pluralCategories].sort();
    for (const root of counting) {
      const has = Object.keys(table).filter((key) => rootOf(key) === root).map((key) => key.slice(root.length + 1)).sort();
      assert.deepEqual(has, forms, `${code}: ${root}`);
    }
  }
});

test("placeholders_are_those_of_english", () => {
  for (const [code, table] of tables) {
    for (const [key, text] of Object.entries(table)) {
      const root = rootOf(key);
      // "One comment" may be said without the number.
      const isBare = root !== key && /\.(zero|one|two)$/.test(key) && holders(text) === "";
      assert.ok(isBare || holders(text) === holders(english[root === key ? key : `${root}.other`]!), `${code}: ${key}: ${text}`);
      assert.ok(text !== "" && text.trim() === text, `${code}: ${key}`);
    }
  }
});
