import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "./benchmark.js";
import { chart } from "./chart.js";
import { describeMachine, versions } from "./machine.js";
import { markdown } from "./markdown.js";
import { type Options, readOptions } from "./options.js";
import { type Results, rowsOf } from "./results.js";
import { TABLE_HEAD, tableRows } from "./table.js";
import type { Trial, TrialOptions } from "./trial.js";

// Compiled, this file is build/benchmarks/benchmarks/harness/main.js.
const root = fileURLToPath(new URL("../../../..", import.meta.url));
const trial = fileURLToPath(new URL("trial.js", import.meta.url));

function runTrial(file: string, name: string, n: number, options: TrialOptions): Trial {
  const args = [trial, file, name, String(n), JSON.stringify(options)];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 24,
  });
  if (status !== 0) throw new Error(`${name} at ${n} elements ended with ${signal ?? status}:\n${stderr}`);
  return JSON.parse(stdout);
}

async function operations(filters: readonly string[]) {
  const files = readdirSync(join(root, "benchmarks")).filter((name) => name.endsWith(".ts"));
  const found = [];
  for (const file of files.map((name) => name.slice(0, -3)).sort()) {
    const { benchmarks }: { benchmarks: Benchmark[] } = await import(`../${file}.js`);
    for (const { name, multiple = 1 } of benchmarks)
      if (filters.some((filter) => name.includes(filter))) found.push({ file, name, multiple });
  }
  return found;
}

function write(folder: string, results: Results): void {
  mkdirSync(folder, { recursive: true });
  const files = {
    "results.json": `${JSON.stringify(results, null, 2)}\n`,
    "results.md": markdown(results),
    "results.svg": chart(results),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  console.log(`\n${Object.keys(files).join(", ")} are in ${folder}`);
}

async function main({ filters, sizes, trials, output, ...trialOptions }: Options): Promise<void> {
  const machine = describeMachine();
  const before = loadavg()[0]!;
  const caches = Object.entries(machine.caches).map(([level, size]) => `${level} ${size}`);
  console.log(`${[machine.cpu, `${machine.cores} cores`, ...caches].join(", ")}, Node ${process.version}`);
  if (before > machine.cores)
    console.log(`The machine is busy (load ${before.toFixed(1)}): only ratios mean anything.`);
  console.log(`GB/s counts the larger array. x: times as fast as.\n\n${TABLE_HEAD}`);

  const rows = [];
  for (const { file, name, multiple } of await operations(filters))
    for (const n of sizes) {
      if (n % multiple !== 0) continue;
      const results = Array.from({ length: trials }, () => runTrial(file, name, n, trialOptions));
      const found = rowsOf(
        name,
        n,
        results[0]!.bytes,
        results.map(({ measured }) => measured),
      );
      console.log(tableRows(found));
      rows.push(...found);
    }
  if (rows.length === 0) {
    console.error("Nothing was measured: no operation has such a name and takes one of these sizes");
    process.exitCode = 2;
    return;
  }
  const load = { before, after: loadavg()[0]! };
  write(output, { date: new Date().toISOString(), machine, versions: versions(), load, rows });
}

await main(readOptions(root));
