/**
 * What readers load, in bytes of brotli, against what is allowed; measured on the built and compressed files in
 * `crates/parlour/dist`, which are what is sent. What a part loads at once is what its modules import, not what they ask for later.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { brotliDecompressSync } from "node:zlib";

/** The repository, told by `run.mjs`. */
declare const REPOSITORY: string;

const dist = join(REPOSITORY, "crates/parlour/dist");
const { files, loads } = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8")) as { files: Record<string, string>; loads: Record<string, string[]> };
const isStyle = (file: string): boolean => file.startsWith("style-");
const bytes = (some: readonly string[]): number => some.reduce((sum, file) => sum + readFileSync(join(dist, `${file}.br`)).length, 0);
/** Of all that these parts load at once, each file once. */
const script = (...names: string[]): number => bytes([...new Set(names.flatMap((name) => loads[name]!))].filter((file) => !isStyle(file)));
/** Of what comes when a part is needed, and the thread is there. */
const more = (name: string): number => script("comments.js", name) - script("comments.js");

test("what_is_compressed_is_what_was_built", () => {
  for (const file of Object.values(files)) assert.ok(brotliDecompressSync(readFileSync(join(dist, `${file}.br`))).equals(readFileSync(join(dist, file))), file);
});

test("the_loader_is_at_most_2_kB", () => assert.ok(script("embed.js") <= 2000, `${script("embed.js")}`));

test("a_thread_with_its_form_is_at_most_15_kB_of_script_with_the_loader_and_3_kB_of_style", () => {
  const all = script("embed.js", "comments.js");
  const style = bytes(loads["comments.js"]!.filter(isStyle));
  assert.ok(all <= 15_000, `${all} bytes of script`);
  assert.ok(style <= 3000, `${style} bytes of style`);
  assert.ok(all > 5000 && style > 500, "what is measured is there");
});

test("reading_and_posting_together_are_at_most_16_7_kB_of_script_and_with_the_tools_17_6_kB", () => {
  const posting = script("embed.js", "comments.js", "sending.js");
  assert.ok(posting <= 16_700, `${posting} bytes`);
  const all = script("embed.js", "comments.js", "sending.js", "tools.js");
  assert.ok(all <= 17_600, `${all} bytes with the tools`);
});

test("a_chat_and_viewers_need_no_more_than_a_thread_and_4_kB", () => {
  for (const name of ["chat.js", "viewers.js"]) assert.ok(script(name) <= 19_000, `${name}: ${script(name)}`);
});

test("counts_alone_are_at_most_1_kB", () => assert.ok(script("count.js") <= 1000, `${script("count.js")}`));

test("what_is_loaded_when_it_is_needed_stays_small", () => {
  const most = { "sending.js": 1650, "signin.js": 3000, "tools.js": 1200, "acts.js": 1700, "answer.js": 450, "faces.js": 1100, "gone.js": 250, "title.js": 250, "typists.js": 750, "unseen.js": 1300, "further.js": 600, "permalink.js": 450, "failure.js": 500, "proof.js": 900, "keys.js": 1100, "marks.js": 900, "moderate.js": 1550, "problem.js": 600, "tabs.js": 1400, "race.js": 1000, "cursor.js": 1900, "bully.js": 500, "page.js": 1500, "sha256.js": 800 };
  for (const [name, limit] of Object.entries(most)) assert.ok(more(name) <= limit, `${name}: ${more(name)}`);
  for (const name of Object.keys(files).filter((file) => file.startsWith("lang-"))) assert.ok(script(name) <= 3500, `${name}: ${script(name)}`);
});

/** The names that the build makes short must be nobody else's: the server's, or what a part gives to the one that loads it. */
test("names_that_are_made_short_are_ours_alone", () => {
  const build = readFileSync(join(REPOSITORY, "web/build.mjs"), "utf8");
  const ours = /const OURS = `([^`]+)`/.exec(build)![1]!.trim().split(/\s+/);
  assert.ok(ours.length > 50 && new Set(ours).size === ours.length);
  const sources = ["client", "widget"].flatMap((folder) => readdirSync(join(REPOSITORY, "web/src", folder)).map((file) => join(REPOSITORY, "web/src", folder, file))).filter((file) => file.endsWith(".ts"));
  const texts = new Map(sources.map((file) => [basename(file, ".ts"), readFileSync(file, "utf8")]));
  const needed = new Set([...texts.values()].flatMap((text) => [...text.matchAll(/import\("\.{1,2}\/(?:client\/)?([\w-]+)"\)/g)].map(([, name]) => name!)));
  assert.ok(needed.has("acts") && needed.has("sending"));
  const given = new Set([...needed].flatMap((name) => [...texts.get(name)!.matchAll(/export (?:async )?(?:function|const|class) (\w+)|export \{ (.+?) \}/g)].flatMap(([, one, some]) => one ?? some!.split(", "))));
  const said = ["Author", "Mine", "Comment", "CommentPage", "CommentDeleted", "ChannelEvent", "Draft", "Count", "WirePublication", "WireError", "WireReply", "Want", "Subscribed", "Refusal", "Unsent", "Kept", "Position", "Ask", "Tell"];
  const shapes = new Set(said.flatMap((shape) => {
    const [, one, other] = [...texts.values()].map((text) => new RegExp(`interface ${shape} \\{(.*?)\\n\\}|type ${shape} = \\{(.*?)\\};\\n`, "s").exec(text)).find((found) => found) ?? [];
    const members = one ?? other;
    assert.ok(members, shape);
    return [...members.replace(/\/\*.*?\*\//gs, "").matchAll(/(\w+)\??:/g)].map(([, name]) => name!);
  }));
  assert.ok(shapes.has("position") && shapes.has("hidden_ms") && shapes.has("publications"));
  assert.deepEqual(ours.filter((name) => shapes.has(name) || given.has(name)), []);
});
