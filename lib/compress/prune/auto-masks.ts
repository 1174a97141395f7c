import { Scratch } from "../../scratch.js";
import { countZeros, type Mask, type MaskContext, smallestMask } from "./mask.js";
import type { SensitivityCurve } from "./sensitivity.js";
import { shareOut } from "./share-out.js";
import type { Weight } from "./weight.js";

/**
 * Masks that share out round(sparsity * values) zeros by what each weight costs the outputs; a weight without a curve gets the same
 * share as all together.
 */
export async function autoMasks(
  weights: readonly Weight[],
  sparsity: number,
  curves: readonly SensitivityCurve[],
  context: MaskContext,
): Promise<Mask[]> {
  const byName = new Map(curves.map((curve) => [curve.name, curve]));
  const measured = weights.flatMap(({ name }) => byName.get(name) ?? []);
  const others = weights.filter(({ name }) => !byName.has(name));
  const counts = new Map(others.map(({ name, count }) => [name, Math.round(sparsity * count)]));
  const values = weights.reduce((total, { count }) => total + count, 0);
  const total = Math.round(sparsity * values) - [...counts.values()].reduce((sum, count) => sum + count, 0);
  for (const [i, count] of shareOut(measured, total).entries()) counts.set(measured[i]!.name, count);
  const scratch = new Scratch();
  const masks: Mask[] = [];
  for (const weight of weights) {
    const before = await countZeros(weight, weight.load(scratch), context);
    masks.push(smallestMask(weight, before, counts.get(weight.name)!));
    context.onWeight();
  }
  return masks;
}
