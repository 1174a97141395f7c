// Joins the compiled modules of build/lib into few files in dist, with source maps and beside their declarations: Node takes a third of
// a millisecond to load a file, and there are hundreds.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** What is started by its path: by users, by npm, and by the library itself. */
const ENTRIES = ["index", "cli/main", "runtime/child", "optimize/trial-child"];
const CHUNKS = "chunks";
/** Packages to join as well: 90 files that most commands need. THIRD-PARTY-LICENSES names them. */
const JOINED = ["@bufbuild/protobuf"];

const root = fileURLToPath(new URL("..", import.meta.url));
const compiled = join(root, "build/lib");
const dist = join(root, "dist");

mkdirSync(dist, { recursive: true });
// The page of reports stays; it is made again when it is stale.
for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" }))
  if (/\.(js|map|d\.ts)$/.test(name)) rmSync(join(dist, name));
cpSync(compiled, dist, {
  recursive: true,
  filter: (path) => statSync(path).isDirectory() || path.endsWith(".d.ts"),
});
await build({
  root,
  configFile: false,
  logLevel: "warn",
  plugins: [
    {
      name: "source-maps",
      load(id) {
        if (!id.startsWith(compiled)) return undefined;
        return { code: readFileSync(id, "utf8"), map: readFileSync(`${id}.map`, "utf8") };
      },
    },
  ],
  ssr: { noExternal: JOINED },
  build: {
    ssr: true,
    outDir: "dist",
    emptyOutDir: false,
    copyPublicDir: false,
    target: "node20",
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      input: Object.fromEntries(ENTRIES.map((entry) => [entry, join(compiled, `${entry}.js`)])),
      output: { entryFileNames: "[name].js", chunkFileNames: `${CHUNKS}/[name].js` },
    },
  },
});
