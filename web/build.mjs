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
 *   admin.html            the admin page                      /admin
 *   manifest.json         {"inputs": HASH, "files": {NAME: FILE}}, not served
 * `files` names everything but the manifest; the parts that others share (`shared-HASH.js`) stand
 * under their own file's name.
 *
 * `inputs` is one SHA-256, in lower-case hex, over all inputs, fed in this order: for each input the
 * bytes of its path, a zero byte, the bytes of its content. The inputs are `build.mjs`,
 * `package-lock.json` and every file below `src/`; paths are relative to this folder, with `/`
 * between their parts and no `./` before them, sorted by their bytes (so `build.mjs` comes first).
 * A test of the server computes it again and fails when dist is stale.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "../crates/parlour/dist");

/** Element → the source of its part. */
const parts = {
  "parlour-comments": "comments",
  "parlour-chat": "chat",
  "parlour-viewers": "viewers",
  "parlour-count": "count",
};

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

/** A style sheet that a script imports becomes a text, made small; one that is built alone stays one. */
const styleAsText = {
  name: "style-as-text",
  setup(build) {
    build.onResolve({ filter: /\.css$/ }, ({ kind, path, resolveDir }) =>
      // Relative, for it goes into the names of what is built: they are the same wherever the repository lies.
      kind === "entry-point" ? undefined : { path: relative(here, join(resolveDir, path)).split(sep).join("/"), namespace: "style-text" },
    );
    build.onLoad({ filter: /.*/, namespace: "style-text" }, async ({ path }) => {
      const { code } = await esbuild.transform(readFileSync(join(here, path), "utf8"), { loader: "css", minify: true, target: options.target });
      styleSizes[path] = brotliCompressSync(code).length;
      return { contents: code.trim(), loader: "text" };
    });
  },
};
const styleSizes = {};

const options = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  charset: "utf8",
  legalComments: "none",
  target: ["chrome123", "firefox121", "safari17.5"],
  // Not an input: what it says is for the type check alone.
  tsconfigRaw: {},
  write: false,
  metafile: true,
  outdir: dist,
};

async function buildParts() {
  return esbuild.build({
    ...options,
    entryPoints: [...Object.values(parts).map((name) => `src/widget/${name}.ts`), "src/demo/demo.ts", "src/demo/demo.css", "src/admin/admin.ts", "src/admin/admin.css"],
    entryNames: "[name]-[hash]",
    chunkNames: "shared-[hash]",
    format: "esm",
    splitting: true,
    plugins: [styleAsText],
  });
}

async function buildLoader(names) {
  return esbuild.build({
    ...options,
    entryPoints: ["src/loader/embed.ts"],
    format: "iife",
    define: { PARTS: JSON.stringify(names) },
  });
}

/** Output path as esbuild tells it → file name. */
const fileOf = (path) => path.split("/").at(-1);

/** An entry's file, and those it loads at once. */
function closure(metafile, path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  for (const { path: next, kind } of metafile.outputs[path].imports) {
    if (kind === "import-statement") closure(metafile, next, found);
  }
  return found;
}

const built = await buildParts();
const files = {};
const contents = new Map(built.outputFiles.map((file) => [fileOf(file.path.split(sep).join("/")), Buffer.from(file.contents)]));
for (const [path, { entryPoint }] of Object.entries(built.metafile.outputs)) {
  const name = entryPoint ? fileOf(entryPoint).replace(/\.ts$/, ".js") : fileOf(path);
  files[name] = fileOf(path);
}
const loader = await buildLoader(Object.fromEntries(Object.entries(parts).map(([element, name]) => [element, files[`${name}.js`]])));
contents.set("embed.js", Buffer.from(loader.outputFiles[0].contents));
files["embed.js"] = "embed.js";
for (const name of ["demo", "admin"]) {
  const page = readFileSync(join(here, `src/${name}/${name}.html`), "utf8").replace(/\{\{(.+?)\}\}/g, (_, part) => files[part]);
  contents.set(`${name}.html`, Buffer.from(page));
  files[`${name}.html`] = `${name}.html`;
}
const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
contents.set("manifest.json", Buffer.from(`${JSON.stringify({ inputs: inputsHash(), files: sorted }, null, 2)}\n`));

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
for (const [name, content] of contents) writeFileSync(join(dist, name), content);

const brotli = (name) => brotliCompressSync(contents.get(name)).length;
const line = (what, bytes) => console.log(`${what.padEnd(34)} ${String(bytes).padStart(6)} bytes (brotli)`);
line("embed.js", brotli("embed.js"));
for (const [path, { entryPoint }] of Object.entries(built.metafile.outputs)) {
  if (!entryPoint) continue;
  const all = [...closure(built.metafile, path)].map(fileOf);
  line(`${fileOf(path)} and ${all.length - 1} shared`, all.reduce((sum, name) => sum + brotli(name), 0));
}
for (const [path, bytes] of Object.entries(styleSizes)) line(`  of that, ${fileOf(path)}`, bytes);
