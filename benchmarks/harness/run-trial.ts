import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "./benchmark.js";
import type { Part, Trial, TrialOptions } from "./trial.js";

// Compiled, this file is build/benchmarks/benchmarks/harness/run-trial.js.
export const root = fileURLToPath(new URL("../../../..", import.meta.url));
const trial = fileURLToPath(new URL("trial.js", import.meta.url));

/** An operation that can be measured, and the file of benchmarks that has it. */
export interface Operation {
  file: string;
  name: string;
  multiple: number;
  choosesNothing: boolean;
}

/** Those whose name contains one of these. */
export async function operations(filters: readonly string[] = [""]): Promise<Operation[]> {
  const files = readdirSync(join(root, "benchmarks")).filter((name) => name.endsWith(".ts"));
  const found = [];
  for (const file of files.map((name) => name.slice(0, -3)).sort()) {
    const { benchmarks }: { benchmarks: Benchmark[] } = await import(`../${file}.js`);
    for (const { name, multiple = 1, choosesNothing = false } of benchmarks)
      if (filters.some((filter) => name.includes(filter)))
        found.push({ file, name, multiple, choosesNothing });
  }
  return found;
}

/** Measures these parts in a process of its own; one result for each. */
export function runTrial(parts: readonly Part[], options: TrialOptions): Trial[] {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [trial, JSON.stringify({ ...options, parts })],
    { cwd: root, encoding: "utf8", maxBuffer: 2 ** 24 },
  );
  if (status === 0) return JSON.parse(stdout);
  const what = parts.map(({ name, n }) => `${name} at ${n} elements`).join(", ");
  throw new Error(`${what} ended with ${signal ?? status}:\n${stderr}`);
}
