// Builds static/viewer-<hash>.js from src/: `make viewer` from the project's folder.
// The first lines of the file hold three's licence and a digest of the sources it was built from.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const home = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(home, "../../static");

/** Digest of everything the built file depends on, in the order of names. */
function sources() {
  const digest = createHash("sha256");
  const files = readdirSync(join(home, "src")).sort().map((name) => `src/${name}`);
  for (const name of [...files, "package-lock.json", "build.mjs"]) {
    digest.update(name).update("\0").update(readFileSync(join(home, name))).update("\0");
  }
  return digest.digest("hex");
}

const licence = readFileSync(join(home, "node_modules/three/LICENSE"), "utf8").trim();
const result = await build({
  entryPoints: [join(home, "src/main.js")],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: `/* Built from assets/viewer, sources ${sources()}.\n\nContains three.js.\n\n${licence}\n*/` },
  write: false,
});
const code = result.outputFiles[0].contents;
const name = `viewer-${createHash("sha256").update(code).digest("hex").slice(0, 12)}.js`;
mkdirSync(out, { recursive: true });
for (const old of readdirSync(out)) if (/^viewer-.*\.js$/.test(old)) rmSync(join(out, old));
writeFileSync(join(out, name), code);
console.log(`${name}  ${(code.length / 1024).toFixed(0)} kB`);
