/**
 * Builds what the server sends to browsers, from `src/` into `../crates/parlour/dist/`, which is
 * committed: whoever builds the server needs no Node. Run it after every change here
 * (`npm ci --ignore-scripts && node build.mjs`).
 *
 * What comes out, and where the server is to serve it:
 *   embed.js              the loader, a classic script        /embed.js
 *   NAME-HASH.js          parts, ES modules; unchangeable     /embed/NAME-HASH.js
 *   NAME-HASH.css         the demo page's style               /embed/NAME-HASH.css
 *   demo.html             the demo page                       /
 *   showcase.html         every element in every state        /showcase (demo mode)
 *   admin.html            the admin page                      /admin
 *   NAME.br               each of them compressed by brotli, served to whoever takes it
 *   manifest.json         {"inputs": HASH, "files": {NAME: FILE}, "loads": {NAME: [FILE…]}}, not served
 * `files` names everything but the manifest. `loads` says which files a part loads at once, itself included.
 * A style sheet is a module of its own, `style-NAME-HASH.js`, and so is a language, `lang-CODE-HASH.js`,
 * with one hash for all of them.
 *
 * `inputs` is one SHA-256, in lower-case hex, over all inputs, fed in this order: for each input the
 * bytes of its path, a zero byte, the bytes of its content. The inputs are `build.mjs`,
 * `package-lock.json` and every file below `src/`; paths are relative to this folder, with `/`
 * between their parts and no `./` before them, sorted by their bytes (so `build.mjs` comes first).
 * A test of the server computes it again and fails when dist is stale.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import * as esbuild from "esbuild";
import { minify } from "terser";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "../crates/parlour/dist");

/** What every thread loads at once. The other parts of readers take what it has from it, and bring only what it has not. */
const CORE = "comments";
/** Element → the source of its part. */
const parts = {
  "parlour-comments": "comments",
  "parlour-chat": "chat",
  "parlour-viewers": "viewers",
  "parlour-count": "count",
};

/** What the sources are told by the build. */
let define = {};
/** File name → content, and name → file name: what is written in the end. */
const contents = new Map();
/** Parts that still have the name that the bundler gave them. */
const unnamed = new Set();
const files = {};

function inputFiles() {
  const below = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath ?? entry.path, entry.name)).split(sep).join("/"));
  return ["build.mjs", "package-lock.json", ...below].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function inputsHash() {
  const hash = createHash("sha256");
  for (const path of inputFiles()) hash.update(path).update("\0").update(readFileSync(join(here, path)));
  return hash.digest("hex");
}

/** Adds a file whose name says what is in it. */
function add(name, extension, content) {
  const file = `${name}-${createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase()}${extension}`;
  contents.set(file, Buffer.from(content));
  files[name + extension] = file;
  return file;
}

/** A text or value as a module. */
const moduleOf = (value) => `export default ${JSON.stringify(value)}`;

/** A style sheet that a script imports is a module with its text, made small; one that is built alone stays one. */
const styleAsModule = {
  name: "style-as-module",
  setup(build) {
    build.onResolve({ filter: /\.css$/ }, async ({ kind, path, resolveDir }) => {
      if (kind === "entry-point") return undefined;
      const { code } = await esbuild.transform(readFileSync(join(resolveDir, path), "utf8"), { loader: "css", minify: true, target: options.target });
      return { path: `./${add(`style-${basename(path, ".css")}`, ".js", moduleOf(code.trim()))}`, external: true };
    });
  },
};

/** What is said in English only by a part that is loaded when it is needed: its keys go with it. */
const SAID_BY = {
  answer: /^form\.reply\./,
  acts: /^(menu\.|form\.edit\.|comment\.delete\.sure)/,
  chat: /^chat\./,
  faces: /^faces\./,
  keys: /^keys\./,
  marks: /^thread\.since/,
  moderate: /^moderate\./,
  permalink: /^thread\.whole/,
  problem: /^problem\.(?!retry)/,
  signin: /^signin\./,
  tools: /^tools\./,
  typing: /^typing\./,
};

/** `en.json` is, to each module that imports it, what that module says; the rest is what all say. */
const ownWords = {
  name: "own-words",
  setup(build) {
    build.onResolve({ filter: /\/en\.json$/ }, ({ importer }) => ({ path: basename(importer, ".ts"), namespace: "english" }));
    build.onLoad({ filter: /.*/, namespace: "english" }, ({ path }) => {
      const all = Object.entries(JSON.parse(readFileSync(join(here, "src/locales/en.json"), "utf8")));
      const isOwn = (key) => (SAID_BY[path] ? SAID_BY[path].test(key) : !Object.values(SAID_BY).some((own) => own.test(key)));
      return { contents: JSON.stringify(Object.fromEntries(all.filter(([key]) => isOwn(key)))), loader: "json" };
    });
  },
};

/** Parts of readers by name: all have one hash, which stands for all of them (`nameNeeded`), so they may name each other, and the names cost little. */
const needed = new Map();
/** Stands for that hash until it is known. */
const UNKNOWN = "UNKNOWN0";
/** What is loaded without the core as well, and so takes nothing from it. */
const ALONE = new Set(["page", "unseen"]);
/** The sources of the core, once they are known. */
let coreSources = new Set();

/** What is in the core already is taken from there. */
const fromCore = {
  name: "from-core",
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\/[\w/-]+$/ }, ({ kind, path, resolveDir }) => {
      if (kind !== "import-statement" || !coreSources.has(relative(here, join(resolveDir, `${path}.ts`)))) return undefined;
      return { path: `./${CORE}-${UNKNOWN}.js`, external: true };
    });
  },
};

const IMPORTS = new RegExp(`import\\s*(?:\\{([^}]*)\\}\\s*from\\s*)?"\\./${CORE}-${UNKNOWN}\\.js";?`, "g");

/** What a part takes from the core: `[name, local name]`. */
const takenBy = (text) => [...text.matchAll(IMPORTS)].flatMap(([, some]) => (some ? some.split(",") : [])).map((one) => one.trim().split(/\s+as\s+/));

/** One import of the core in place of several, by the short names of what is taken. */
function mergeImports(text, shortNames) {
  if (!text.match(IMPORTS)) return text;
  const some = takenBy(text).map(([name, local = name]) => `${shortNames.get(name)} as ${local}`).join();
  return `import${some && `{${some}}from`}"./${CORE}-${UNKNOWN}.js";${text.replace(IMPORTS, "")}`;
}

/** Builds `source`, a part of readers. */
async function addNeeded(name, source) {
  const { outputFiles } = await esbuild.build({ ...options, ...shortened, entryPoints: [source], format: "esm", define, plugins: [styleAsModule, ownWords, onNeed, ...(ALONE.has(name) ? [] : [fromCore])] });
  needed.set(name, (await smaller(outputFiles[0].contents)).toString());
}

/** What is imported when it is needed is a part of its own, in one piece: one request. */
const onNeed = {
  name: "on-need",
  setup(build) {
    build.onResolve({ filter: /^\./ }, async ({ kind, path, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const name = basename(path);
      if (!needed.has(name)) {
        needed.set(name, "");
        await addNeeded(name, join(resolveDir, `${path}.ts`));
      }
      return { path: `./${name}-${UNKNOWN}.js`, external: true };
    });
  },
};

/** The core: what of it other parts use is known when they are built, so it is built last. */
async function addCore() {
  const source = `src/widget/${CORE}.ts`;
  const dry = { name: "dry", setup: (build) => build.onResolve({ filter: /^\./ }, ({ kind, path }) => (kind === "dynamic-import" ? { path, external: true } : undefined)) };
  const build = (entry, plugins) => esbuild.build({ ...options, ...shortened, ...entry, format: "esm", define, plugins: [styleAsModule, ownWords, ...plugins] });
  const { metafile } = await build({ entryPoints: [source] }, [dry]);
  coreSources = new Set(Object.keys(metafile.inputs).filter((path) => path.startsWith("src/")));
  await build({ entryPoints: [source] }, [onNeed]);
  for (const name of ["chat", "viewers"]) await addNeeded(name, `src/widget/${name}.ts`);
  const exporter = (name) => {
    const found = [...coreSources].filter((path) => new RegExp(`^export (?:async |abstract )*(?:function|class|const|let) ${name}\\b`, "m").test(readFileSync(join(here, path), "utf8")));
    if (found.length !== 1) throw new Error(`${name} is exported by ${found.join(" and ") || "nothing"}`);
    return found[0];
  };
  const shortNames = new Map([...new Set([...needed.values()].flatMap(takenBy).map(([name]) => name))].sort().map((name, index) => [name, short(index)]));
  for (const [name, text] of needed) needed.set(name, mergeImports(text, shortNames));
  const contents = [`import "./${source}"`, ...[...shortNames].map(([name, its]) => `export { ${name} as ${its} } from "./${exporter(name)}"`)].join(";\n");
  const { outputFiles } = await build({ stdin: { contents, resolveDir: here, loader: "ts" } }, [onNeed]);
  needed.set(CORE, (await smaller(outputFiles[0].contents)).toString());
}

/**
 * Names of members that are ours alone: never on the wire, in a store, between tabs, in an event's detail or in a browser's
 * interface (a test looks). They become short, the same in every part.
 */
const OURS = `
  say words element context options around thread content articles feed byId identity api connection queue signedIn listener
  writing waiting own watch notify render changed rename goTo isLoading bar isOwn nudge tell isGone leads won lost
  storage ready apply guest sent cancel submit put reset release tools remembered readingToken forgetGuest posted
  backoff base_ms max_ms idle_ms bodyCharacters nameCharacters titleCharacters urlCharacters chatCharacters onGuestToken
  wanted arrived granted dropped resumed opened retry_ms expired retryAfter_ms attempts refusal asked
  tokenUrl emailHash asksWho keep isHidden isFolded isCut canReply said extra showForm focusButton
  answers detached listed overflowed free shown locals met compose extend forget learn readAgain
  arrivals held empty discard begin unsentKey restart fail onWon typed heard stopped settle mark ago holder
  keepHeight unsent inner isOver line shownAt main
`.trim().split(/\s+/);

/** What a name of ours becomes: letters in turn, then two of them. */
const LETTERS = "etsinraoclhdmpugbfwkTSEAICNRPMODLFBHU";
const short = (index) => (index < LETTERS.length ? LETTERS[index] : `${LETTERS[Math.floor(index / LETTERS.length) - 1]}${LETTERS[index % LETTERS.length]}`);

/** esbuild makes code small; terser a little smaller, which every reader gains from. */
const SMALLER = { ecma: 2022, compress: { passes: 3, unsafe: true, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, keep_fargs: false, inline: 1 } };

async function smaller(content, isModule = true) {
  return Buffer.from((await minify(Buffer.from(content).toString(), { ...SMALLER, module: isModule })).code);
}

/** Writes what is loaded when it is needed, and its hash wherever its names stand. */
function nameNeeded() {
  const all = [...needed].sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash("sha256").update(all.map(([, text]) => text).join("\0")).digest("hex").slice(0, 8).toUpperCase();
  for (const [name, text] of all) {
    contents.set(`${name}-${hash}.js`, Buffer.from(text.replaceAll(UNKNOWN, hash)));
    files[`${name}.js`] = `${name}-${hash}.js`;
  }
  for (const [file, content] of contents) if (content.includes(UNKNOWN)) contents.set(file, Buffer.from(content.toString().replaceAll(UNKNOWN, hash)));
}

/** Gives the parts their names by what is in them now: first those that name no other. */
function nameParts() {
  while (unnamed.size) {
    const file = [...unnamed].find((one) => ![...unnamed].some((other) => other !== one && contents.get(one).includes(other)));
    const content = contents.get(file);
    const name = file.replace(/[0-9A-Z]{8}(?=\.\w+$)/, createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase());
    unnamed.delete(file);
    contents.delete(file);
    contents.set(name, content);
    for (const [other, text] of contents) if (/\.js$/.test(other) && text.includes(file)) contents.set(other, Buffer.from(text.toString().replaceAll(file, name)));
    for (const [key, value] of Object.entries(files)) {
      if (value !== file) continue;
      delete files[key];
      files[key === file ? name : key] = name;
    }
  }
}

const options = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  charset: "utf8",
  legalComments: "none",
  target: ["chrome123", "firefox121", "safari17.5"],
  // Not an input: what it says is for the type check alone. Members without a value need no place in what is sent.
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
  write: false,
  metafile: true,
  outdir: dist,
};

/** For what readers load; the other pages' scripts know nothing of it. */
const shortened = {
  mangleProps: new RegExp(`^(?:${OURS.join("|")})$`),
  mangleCache: Object.fromEntries(OURS.map((name, index) => [name, short(index)])),
};

/** The languages, English excepted, which is built in: their first parts, and the one hash in all their names. */
function addLanguages() {
  const others = readdirSync(join(here, "src/locales")).map((file) => basename(file, ".json")).filter((code) => code !== "en").sort();
  const texts = others.map((code) => moduleOf(JSON.parse(readFileSync(join(here, `src/locales/${code}.json`), "utf8"))));
  const hash = createHash("sha256").update(texts.join("\0")).digest("hex").slice(0, 8).toUpperCase();
  others.forEach((code, index) => {
    const file = `lang-${code.slice(0, 2)}-${hash}.js`;
    contents.set(file, Buffer.from(texts[index]));
    files[`lang-${code}.js`] = file;
  });
  return { LANGUAGES: JSON.stringify(others.map((code) => code.slice(0, 2)).join("|")), LANGUAGE_HASH: JSON.stringify(hash) };
}

async function buildParts(entryPoints, more) {
  return esbuild.build({
    ...options,
    ...more,
    entryPoints,
    define,
    entryNames: "[name]-[hash]",
    chunkNames: "shared-[hash]",
    format: "esm",
    splitting: true,
    plugins: [styleAsModule, ownWords, onNeed],
  });
}

/** Output path as esbuild tells it → file name. */
const fileOf = (path) => path.split("/").at(-1);

async function take({ outputFiles, metafile }) {
  for (const { path, contents: built } of outputFiles) {
    const file = fileOf(path.split(sep).join("/"));
    contents.set(file, path.endsWith(".js") ? await smaller(built) : Buffer.from(built));
    unnamed.add(file);
  }
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    files[entryPoint ? fileOf(entryPoint).replace(/\.ts$/, ".js") : fileOf(path)] = fileOf(path);
  }
}

/** A file, and those that it loads at once. */
function closure(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, next] of contents.get(file).toString().matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g)) closure(next, found);
  return found;
}

define = addLanguages();
await addCore();
// Alone, so that pages with nothing but numbers load nothing but that.
await take(await buildParts(["src/widget/count.ts"], shortened));
// Pages of the server's own share nothing with readers.
await take(await buildParts(["src/demo/demo.ts", "src/demo/demo.css", "src/demo/showcase.ts"]));
await take(await buildParts(["src/admin/admin.ts", "src/admin/admin.css"]));
nameNeeded();
nameParts();
const loader = await esbuild.build({
  ...options,
  entryPoints: ["src/loader/embed.ts"],
  format: "iife",
  define: { PARTS: JSON.stringify(Object.fromEntries(Object.entries(parts).map(([element, name]) => [element, files[`${name}.js`]]))) },
});
contents.set("embed.js", await smaller(loader.outputFiles[0].contents, false));
files["embed.js"] = "embed.js";
for (const [folder, name] of [["demo", "demo.html"], ["demo", "showcase.html"], ["admin", "admin.html"]]) {
  const page = readFileSync(join(here, "src", folder, name), "utf8").replace(/\{\{(.+?)\}\}/g, (_, part) => files[part]);
  contents.set(name, Buffer.from(page));
  files[name] = name;
}

const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
const loads = sorted(Object.fromEntries(Object.entries(files).filter(([, file]) => file.endsWith(".js")).map(([name, file]) => [name, [...closure(file)]])));
contents.set("manifest.json", Buffer.from(`${JSON.stringify({ inputs: inputsHash(), files: sorted(files), loads }, null, 2)}\n`));

/** What is compressed already stays as it is, so that another version of Node changes nothing. */
function compressed(name) {
  try {
    const before = readFileSync(join(dist, `${name}.br`));
    if (brotliDecompressSync(before).equals(contents.get(name))) return before;
  } catch {
    // Not there, or not brotli.
  }
  return brotliCompressSync(contents.get(name));
}

const small = new Map(Object.values(files).map((name) => [name, compressed(name)]));
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
for (const [name, content] of contents) writeFileSync(join(dist, name), content);
for (const [name, content] of small) writeFileSync(join(dist, `${name}.br`), content);

const brotli = (some) => some.reduce((sum, name) => sum + small.get(name).length, 0);
for (const [name, all] of Object.entries(loads)) {
  const [style, script] = [all.filter((file) => file.startsWith("style-")), all.filter((file) => !file.startsWith("style-"))];
  console.log(`${name.padEnd(24)} ${String(brotli([files[name]])).padStart(6)} alone, ${String(brotli(script)).padStart(6)} script and ${String(brotli(style)).padStart(5)} style at once (brotli)`);
}
