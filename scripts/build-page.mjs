// Builds lib/report/page into dist/report/page.html: one file with its style and script inside, which a report is put into.
//   --if-stale   do nothing unless a source is newer than the page
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { newestChange } from "./newest-change.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = join(root, "lib/report/page");
const page = join(root, "dist/report/page.html");

function isFresh() {
  if (!existsSync(page)) return false;
  const built = statSync(page).mtimeMs;
  return [sources, fileURLToPath(import.meta.url)].every((source) => newestChange(source) < built);
}

/** The page's script and style, each as one text. */
async function bundle() {
  const built = await build({
    root: sources,
    configFile: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      write: false,
      target: "es2022",
      lib: { entry: "main.tsx", formats: ["iife"], name: "page", fileName: "page", cssFileName: "page" },
    },
  });
  const results = Array.isArray(built) ? built : [built];
  let script = "";
  let style = "";
  for (const result of results)
    if ("output" in result)
      for (const file of result.output) {
        if (file.type === "chunk") script += file.code;
        else if (file.fileName.endsWith(".css")) style += file.source;
      }
  if (!script || !style) throw new Error("vite made no script or no style");
  if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style))
    throw new Error("the page's script or style would end its own element");
  if (/__(title|verdict|report)__/.test(script + style))
    throw new Error("the page's script or style has a place for the report");
  return { script: script.trim(), style: style.trim() };
}

/** @param {string} text */
function hash(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/**
 * What stands between two underscores each is put in by renderReport.
 *
 * @param {string} policy
 * @param {string} style
 * @param {string} script
 */
function template(policy, style, script) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>__title__</title>
<style>${style}</style>
</head>
<body>
<div id="page"></div>
<noscript><p>__verdict__</p><p>The charts of this page need JavaScript; report.json holds the same numbers.</p></noscript>
<script type="application/json" id="report">__report__</script>
<script>${script}</script>
</body>
</html>
`;
}

if (process.argv.includes("--if-stale") && isFresh()) process.exit(0);

const { script, style } = await bundle();
const policy = `default-src 'none'; base-uri 'none'; form-action 'none'; style-src ${hash(style)}; script-src ${hash(script)}`;
mkdirSync(dirname(page), { recursive: true });
writeFileSync(page, template(policy, style, script));
