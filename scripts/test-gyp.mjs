// Builds the addon with node-gyp in a copy of the package, without CMake, and runs it: the way for platforms without a prebuilt one.
//   node scripts/test-gyp.mjs
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stage = mkdtempSync(join(tmpdir(), "modelpress-gyp-"));
process.once("exit", () => rmSync(stage, { recursive: true, force: true }));

/** @param {string[]} args */
function runNode(...args) {
  const { status, error } = spawnSync(process.execPath, args, { cwd: stage, stdio: "inherit" });
  if (error) console.error(error.message);
  if (status !== 0) process.exit(1);
}

const commands = createRequire(import.meta.url);
const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
for (const part of ["package.json", "scripts", "models", ...files])
  if (part !== "prebuilds") cpSync(join(root, part), join(stage, part), { recursive: true });
symlinkSync(join(root, "node_modules"), join(stage, "node_modules"), "junction");

// Headers that were installed with this Node, where they were; else node-gyp fetches them.
const installed = join(dirname(process.execPath), "..");
const headers = existsSync(join(installed, "include/node/node_api.h")) ? [`--nodedir=${installed}`] : [];
const gyp = commands.resolve("node-gyp/bin/node-gyp.js");
runNode(gyp, "rebuild", "--directory", "native/gyp", "--jobs", "2", "--loglevel", "warn", ...headers);
runNode("scripts/prebuild/smoke.mjs");
runNode("scripts/compare-backends.mjs", "--rounds", "20");
