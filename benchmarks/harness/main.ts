import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { chart } from "./chart.js";
import { describeMachine, introduction, versions } from "./machine.js";
import { markdown } from "./markdown.js";
import { type Options, readOptions } from "./options.js";
import { type Results, rowsOf } from "./results.js";
import { operations, root, runTrial } from "./run-trial.js";
import { TABLE_HEAD, tableRows } from "./table.js";

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

async function main({ filters, sizes, trials, output, quick, ...options }: Options): Promise<void> {
  const machine = describeMachine();
  const before = loadavg()[0]!;
  console.log(introduction(machine));
  console.log(`GB/s counts the larger array. x: times as fast as.\n\n${TABLE_HEAD}`);

  const rows = [];
  for (const { file, name, multiple } of await operations(filters))
    for (const n of sizes) {
      if (n % multiple !== 0) continue;
      const effort = quick ? "quick" : "thorough";
      const results = Array.from({ length: trials }, () =>
        runTrial([{ file, name, n }], { ...options, effort }),
      ).flat();
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
