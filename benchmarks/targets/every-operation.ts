// Every operation against JavaScript, from one value to what the second cache holds.
import { comparison } from "../harness/comparison.js";
import type { Row } from "../harness/results.js";
import { operations } from "../harness/run-trial.js";
import { type Figure, named } from "./figure.js";
import { measureRows } from "./measured.js";

const SIZES = [1, 16, 128, 1024, 8192];
const IN_CACHE = 65536;
const TO_JAVASCRIPT = 10;
/** Two calls of the same kernel differ by as much. */
const NOISE = 0.1;

/** As few lines as these allow: what is below, and the worst of all. */
export async function everyOperation(): Promise<Figure[]> {
  const toBest: Figure[] = [];
  const toJs: Figure[] = [];
  for (const { file, name, multiple, choosesNothing } of await operations()) {
    const kinds = ["default", "backend", "javascript", "naive"] as const;
    const [rows] = measureRows([{ file, name, n: IN_CACHE, kinds }]);
    toBest.push(againstBest(rows!));
    toJs.push(againstJs(rows!));
    const sizes = SIZES.filter((n) => n % multiple === 0);
    if (choosesNothing || sizes.length === 0) continue;
    const parts = sizes.map((n) => ({ file, name, n, kinds: ["default", "backend"] as const }));
    toJs.push(...measureRows(parts, { backends: [], effort: "glance" }).map(againstJs));
  }
  return [...worst(toBest), ...worst(toJs)];
}

function againstBest(rows: readonly Row[]): Figure {
  const { operation, n, ours, javascript } = comparison(rows);
  return {
    what: `${named(operation, n)}: against the best JavaScript`,
    asked: TO_JAVASCRIPT,
    measured: javascript!.nanoseconds / ours.nanoseconds,
  };
}

/** The call that names no backend, which is done in JavaScript where that is faster. */
function againstJs(rows: readonly Row[]): Figure {
  const call = rows.find(({ kind }) => kind === "default")!;
  const js = rows.find(({ backend }) => backend === "js")!;
  return {
    what: `${named(call.operation, call.n)}: against js`,
    asked: 1 - NOISE,
    measured: js.fastest / call.fastest,
  };
}

function worst(figures: readonly Figure[]): Figure[] {
  const sorted = figures.toSorted((a, b) => a.measured - b.measured);
  const below = sorted.filter(({ asked, measured }) => measured < asked);
  const [least] = sorted;
  return below.length > 0 ? below : [{ ...least!, note: `the least of ${figures.length}` }];
}
