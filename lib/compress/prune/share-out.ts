import type { SensitivityCurve } from "./sensitivity.js";

/** Values of one weight that go together: how many, and what noise each adds to the outputs. */
interface Step {
  readonly weight: number;
  readonly count: number;
  readonly noisePerValue: number;
}

/**
 * How many of the smallest magnitudes of each weight go so that `total` go together and the outputs suffer least: noise that weights
 * make alone is taken to add up, and to grow evenly between two points of a curve. Weights give values in the order of what each
 * costs, along the lower convex hull of their curves (Lagrange multipliers in rate-distortion theory: Shoham and Gersho, 1988).
 *
 * @param curves points in the order of their sparsity
 */
export function shareOut(curves: readonly SensitivityCurve[], total: number): number[] {
  const steps = curves.flatMap((curve, weight) => stepsOf(curve, weight));
  steps.sort((a, b) => a.noisePerValue - b.noisePerValue);
  const counts = curves.map(() => 0);
  let left = total;
  for (const { weight, count } of steps) {
    const taken = Math.min(left, count);
    counts[weight]! += taken;
    left -= taken;
  }
  return counts;
}

interface Point {
  readonly count: number;
  readonly noise: number;
}

/** The hull from nothing to all of a weight, whose loss is taken to be that of the outputs. */
function stepsOf({ values, points }: SensitivityCurve, weight: number): Step[] {
  const measured = points.map(({ sparsity, sqnrDb }) => ({
    count: Math.round(sparsity * values),
    noise: 10 ** (-sqnrDb / 10),
  }));
  const hull: Point[] = [{ count: 0, noise: 0 }];
  const last = { count: values, noise: Math.max(1, ...measured.map(({ noise }) => noise)) };
  for (const point of [...measured, last]) {
    if (point.count <= hull.at(-1)!.count) continue;
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) >= slope(hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull.slice(1).map((point, i) => ({
    weight,
    count: point.count - hull[i]!.count,
    noisePerValue: slope(hull[i]!, point),
  }));
}

function slope(from: Point, to: Point): number {
  return (to.noise - from.noise) / (to.count - from.count);
}
