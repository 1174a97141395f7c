// npm run bench: compiles the benchmarks and the loops that show the memory's limit, then runs them. --help says how.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = join(createRequire(import.meta.url).resolve("typescript/package.json"), "../bin/tsc");

const compiled = spawnSync(process.execPath, [tsc, "-p", "tsconfig.benchmarks.json"], {
  cwd: root,
  stdio: "inherit",
});
if (compiled.status !== 0) process.exit(1);

const limits = spawnSync("cmake", ["--build", "build", "--target", "limits", "--config", "Release"], {
  cwd: root,
  encoding: "utf8",
});
if (limits.status !== 0)
  console.log(`Without the memory's limits, which did not build (npm run build:native first):
${limits.stdout ?? ""}${limits.stderr ?? limits.error?.message}`);

const args = process.argv.slice(2);
const program = args.includes("--targets") ? "targets" : "harness";
const main = join(root, `build/benchmarks/benchmarks/${program}/main.js`);
process.exitCode = spawnSync(process.execPath, [main, ...args], { stdio: "inherit" }).status ?? 1;

// What the device itself takes, copies apart.
const named = args[args.indexOf("--backend") + 1] ?? "";
if (process.exitCode === 0 && args.includes("--backend") && named.startsWith("cuda"))
  process.exitCode =
    spawnSync(
      process.execPath,
      [join(root, "benchmarks/cuda-device.mjs"), ...args.filter((arg) => arg === "--quick")],
      { stdio: "inherit" },
    ).status ?? 1;
