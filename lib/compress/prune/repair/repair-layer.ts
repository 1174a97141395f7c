import type { FitStatistics } from "../../../calibrate/fit-statistics.js";
import { chooseCompensated, compensate } from "./choose-compensated.js";
import { type Chosen, chooseInRounds, isAffordable, type Quota } from "./choose-kept.js";
import { matchOutputs } from "./match-outputs.js";
import { type LayerRows, NormalEquations } from "./normal-equations.js";
import type { Repairs } from "./repairs.js";

/** What is done to a pruned layer. */
export interface LayerRepairs extends Repairs {
  /** How what goes is chosen once more, from what the layer sees now; undefined where that is settled. */
  readonly choose: "wanda" | "sparsegpt" | undefined;
}

/** A layer as it is before, and what of it is to go. */
export interface LayerToRepair {
  readonly rows: LayerRows;
  /** Where what goes is settled: 0 for that. */
  readonly kept: Uint8Array;
  /** How much goes. */
  readonly quota: Quota;
  /** How much each output counts. */
  readonly rowSizes: Float64Array;
  /** What the layer adds to its outputs. */
  readonly bias: Float32Array | undefined;
}

export interface RepairedLayer {
  /** Rows of weights, with +0 for what went. */
  readonly values: Float32Array;
  /** What is still to be done to each output: factor x output + shift. */
  readonly factors: Float64Array;
  readonly shifts: Float64Array;
}

/** Prunes a layer and repairs it, from what calibration saw of it. */
export function repairLayer(
  layer: LayerToRepair,
  statistics: FitStatistics,
  { choose, leastSquares, bias, batchNorm }: LayerRepairs,
): RepairedLayer {
  const { rows } = layer;
  const values =
    leastSquares || choose === "sparsegpt"
      ? fitted(layer, statistics, { choose, leastSquares, bias })
      : rows.values.map((value, i) => (layer.kept[i] === 0 ? 0 : value));
  if (bias || batchNorm)
    return { values, ...matchOutputs({ ...rows, values }, statistics, layer.bias, batchNorm) };
  return { values, factors: new Float64Array(rows.outputs).fill(1), shifts: new Float64Array(rows.outputs) };
}

function fitted(
  { rows, kept, quota, rowSizes, bias: own }: LayerToRepair,
  statistics: FitStatistics,
  { choose, leastSquares, bias }: Omit<LayerRepairs, "batchNorm">,
): Float32Array {
  const stays = own ?? new Float32Array(rows.outputs);
  const equations = new NormalEquations(rows, statistics, bias ? undefined : stays);
  const isExact = leastSquares && isAffordable(equations, shareOf(quota, rows.values.length));
  if (choose === "wanda" && isExact) return chooseInRounds(equations, quota, rowSizes).values;
  const chosen: Chosen =
    choose === "sparsegpt" ? chooseCompensated(equations, quota) : compensateUnless(isExact, equations, kept);
  return isExact ? equations.fit(chosen.kept) : chosen.values;
}

function compensateUnless(isExact: boolean, equations: NormalEquations, kept: Uint8Array): Chosen {
  return isExact ? { values: equations.rows.values, kept } : compensate(equations, kept);
}

/** How much of a layer stays. */
function shareOf(quota: Quota, values: number): number {
  return quota.kind === "count" ? 1 - quota.zeros / values : quota.keep / quota.of;
}
