/**
 * Builds the npm package `parlour-client` from `src/client` into `client/dist`, which is not committed:
 * one ES module and the types of all it exports. `npm pack ./client` makes the archive.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "client/dist");

rmSync(dist, { recursive: true, force: true });
await esbuild.build({
  absWorkingDir: here,
  entryPoints: ["src/client/index.ts"],
  outfile: "client/dist/index.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  tsconfigRaw: {},
});
const done = spawnSync("npx", ["tsc", "-p", "client"], { cwd: here, stdio: "inherit" });
if (done.status !== 0) process.exit(done.status ?? 1);
// Node's own resolution wants to be told the file's whole name.
for (const name of readdirSync(dist).filter((file) => file.endsWith(".d.ts"))) {
  const path = join(dist, name);
  writeFileSync(path, readFileSync(path, "utf8").replace(/(from|import\() ?"(\.\/\w+)"/g, '$1 "$2.js"'));
}
