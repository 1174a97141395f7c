import type { FitStatistics } from "../../../calibrate/fit-statistics.js";
import type { LayerRows } from "./normal-equations.js";

/** What makes the outputs of a pruned layer as they were on the average: factor x output + shift. */
export interface OutputMatch {
  readonly factors: Float64Array;
  readonly shifts: Float64Array;
}

/** Outputs that vary less than by this share of what they did are not made to vary as before. */
const LEAST_VARIANCE = 1e-6;

/** A variance below this share of the mean square is what the difference of the two rounds to: the output is constant. */
const ROUNDING = 1e-9;

/**
 * Finds for each output of a layer the shift that gives it the mean that it had, and with `variance` the factor that gives it the
 * deviation too: what a BatchNormalization does whose statistics are estimated again.
 *
 * @param rows with the weights as they are now
 * @param bias what the layer adds to its outputs
 */
export function matchOutputs(
  { values, columns, outputs, groups }: LayerRows,
  statistics: FitStatistics,
  bias: Float32Array | undefined,
  variance: boolean,
): OutputMatch {
  const { mean, targetMean, targetSquare } = statistics;
  const perGroup = outputs / groups;
  const factors = new Float64Array(outputs).fill(1);
  const shifts = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const group = Math.floor(o / perGroup);
    const row = values.subarray(o * columns, (o + 1) * columns);
    const made = row.reduce((sum, value, i) => sum + value * mean[group * columns + i]!, bias?.[o] ?? 0);
    const wanted = targetSquare[o]! - targetMean[o]! ** 2;
    const had = variance ? varianceOf(row, statistics, group) : 0;
    if (wanted > ROUNDING * targetSquare[o]! && had > LEAST_VARIANCE * wanted)
      factors[o] = Math.sqrt(wanted / had);
    shifts[o] = targetMean[o]! - factors[o]! * made;
  }
  return { factors, shifts };
}

/** Of the products of a row with the inputs of its group. */
function varianceOf(row: Float32Array, { gram, mean, rows }: FitStatistics, group: number): number {
  const n = row.length;
  const [square, from] = [group * n * n, group * n];
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const weight = row[i]!;
    if (weight === 0) continue;
    let products = 0;
    let means = 0;
    for (let j = i; j < n; j++) {
      const other = (i === j ? 1 : 2) * row[j]!;
      products += other * gram[square + i * n + j]!;
      means += other * mean[from + j]!;
    }
    sum += weight * (products / rows - mean[from + i]! * means);
  }
  return sum;
}
