// Times every operation on every backend, and next to it plain JavaScript, a copy and the memory's own limit.
//   npm run bench -- [--filter TEXT] [--sizes 1K,64K,64M] [--trials N] [--json FILE] [--quick]
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { backends } from "modelpress";

const { values: options } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    sizes: { type: "string" },
    trials: { type: "string" },
    json: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const built = join(root, "build/benchmarks");
const sizes = (options.sizes ?? (options.quick ? "1K,64K" : "1K,64K,64M")).split(",").map(parseSize);
const trials = Number(options.trials ?? (options.quick ? 1 : 3));

/** @param {string} text */
function parseSize(text) {
  const match = /^(\d+)([KM]?)$/.exec(text);
  if (!match) throw new Error(`A size is a number of elements such as 1000, 64K or 64M, not "${text}"`);
  return Number(match[1]) * (match[2] === "M" ? 2 ** 20 : match[2] === "K" ? 2 ** 10 : 1);
}

/** @param {number} n */
function formatSize(n) {
  if (n % 2 ** 20 === 0) return `${n / 2 ** 20}M`;
  return n % 2 ** 10 === 0 ? `${n / 2 ** 10}K` : String(n);
}

function build() {
  const require = createRequire(import.meta.url);
  const tsc = join(require.resolve("typescript/package.json"), "../bin/tsc");
  const compiled = spawnSync(process.execPath, [tsc, "-p", "tsconfig.benchmarks.json"], {
    cwd: root,
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(1);
  const limits = spawnSync("cmake", ["--build", "build", "--target", "limits", "--config", "Release"], {
    cwd: root,
  });
  if (limits.status !== 0)
    console.log("The memory's limits were not built (npm run build:native first): no such columns.");
}

/** @param {number[]} values */
function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/**
 * The medians of several processes.
 * @param {string[]} args
 * @returns {{ time: number, copy: number, limit: number }}
 */
function measure(args) {
  /** @type {import("./trial.js").Trial[]} */
  const results = [];
  for (let i = 0; i < trials; i++) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(built, "trial.js"), ...args], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${args.join(" ")} failed:\n${stderr}`);
    results.push(JSON.parse(stdout));
  }
  const of = (/** @type {"time" | "copy" | "limit"} */ key) =>
    median(results.flatMap((result) => result[key] ?? []));
  return { time: of("time"), copy: of("copy"), limit: of("limit") };
}

/** @param {(string | number)[]} cells */
function printRow(cells) {
  const widths = [28, 6, 8, 10, 8, 8, 9, 9];
  const text = (/** @type {string | number} */ cell) =>
    typeof cell === "string" ? cell : Number.isNaN(cell) ? "-" : cell.toFixed(2);
  console.log(cells.map((cell, i) => text(cell)[i === 0 ? "padEnd" : "padStart"](widths[i] ?? 8)).join(" "));
}

build();
const load = () =>
  loadavg()
    .map((value) => value.toFixed(2))
    .join(" ");
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, load ${load()}`);
console.log("GB/s counts the float32 side; x js, x copy and x limit are how many times as fast as each.\n");
printRow(["operation", "n", "backend", "ns", "GB/s", "x js", "x copy", "x limit"]);

const rows = [];
for (const file of readdirSync(join(root, "benchmarks")).filter((name) => name.endsWith(".ts"))) {
  const module = file.replace(".ts", "");
  if (module === "benchmark" || module === "trial") continue;
  const { benchmarks } = await import(join(built, `${module}.js`));
  for (const { name } of benchmarks) {
    if (!name.includes(options.filter)) continue;
    for (const n of sizes) {
      // Plain JavaScript is the baseline of every row, also where only one backend is asked for.
      let js = NaN;
      for (const backend of [
        "js",
        ...backends()
          .map((each) => each.name)
          .filter((each) => each !== "js"),
      ].map(String)) {
        const samples = options.quick ? 5 : backend === "js" && n > 2 ** 22 ? 3 : 9;
        const { time, copy, limit } = measure([module, name, backend, String(n), String(samples)]);
        if (backend === "js") js = time;
        const row = { name, n, backend, nanoseconds: time, gigabytesPerSecond: (4 * n) / time };
        const ratios = { toJs: js / time, toCopy: copy / time, toLimit: limit / time };
        rows.push({ ...row, ...ratios });
        printRow([
          name,
          formatSize(n),
          backend,
          time.toFixed(0),
          row.gigabytesPerSecond,
          ...Object.values(ratios),
        ]);
      }
    }
  }
}
console.log(`\nload ${load()}`);
if (options.json)
  writeFileSync(
    options.json,
    `${JSON.stringify({ date: new Date().toISOString(), cpu: cpus()[0]?.model, node: process.version, rows }, null, 2)}\n`,
  );
