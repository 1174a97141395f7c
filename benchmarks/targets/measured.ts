import { backends } from "modelpress";
import { type Comparison, comparison } from "../harness/comparison.js";
import { type Row, rowsOf } from "../harness/results.js";
import { runTrial } from "../harness/run-trial.js";
import type { Part, TrialOptions } from "../harness/trial.js";

/** The backend that the library chooses by itself. */
const [best] = backends();

/** Rows of each part, which took turns with each other; on one thread unless more are asked for. */
export function measureRows(parts: readonly Part[], options: Partial<TrialOptions> = {}): Row[][] {
  const trials = runTrial(parts, { backends: [best!.name], threads: [1], effort: "brief", ...options });
  return parts.map(({ name, n }, i) => rowsOf(name, n, trials[i]!.bytes, [trials[i]!.measured]));
}

export function measureParts(parts: readonly Part[]): Comparison[] {
  return measureRows(parts).map(comparison);
}

/** How many times as fast; of as many bytes, whatever arrays they lie in. */
export function ratio(row: Row, other: Row): number {
  return row.gigabytesPerSecond / other.gigabytesPerSecond;
}
