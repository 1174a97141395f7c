import { nameMatcher } from "../name-pattern.js";
import { lampMasks } from "./lamp-masks.js";
import { magnitudeMasks } from "./magnitude-masks.js";
import type { Mask, MaskContext } from "./mask.js";
import { namesOf } from "./name-choice.js";
import { neighbourMask, whyNoNeighbours } from "./neighbour-masks.js";
import type { DenseTensor, PruneSettings, ReadonlyOverride } from "./options.js";
import type { Weight } from "./weight.js";

export interface ChosenMasks {
  /** In the order of the weights. */
  readonly masks: readonly Mask[];
  /** Weights that the pattern does not fit. */
  readonly dense: readonly DenseTensor[];
}

/** How weights that share one threshold are compared. */
const SCORED = { lamp: lampMasks, magnitude: magnitudeMasks };

/** Decides for each weight which of its values go. */
export async function chooseMasks(
  weights: readonly Weight[],
  settings: PruneSettings,
  context: MaskContext,
): Promise<ChosenMasks> {
  const masks = new Map<Weight, Mask>();
  const dense: DenseTensor[] = [];
  const pool: Weight[] = [];
  for (const weight of weights) {
    const override = overrideOf(weight, settings);
    const { pattern, sparsity } = override ?? settings;
    if (pattern.kind === "neighbours") {
      const reason = whyNoNeighbours(weight, pattern);
      if (reason === undefined) masks.set(weight, await neighbourMask(weight, pattern, context));
      else dense.push({ name: weight.name, values: weight.count, reason });
    } else if (override || settings.scope === "layer")
      for (const mask of await magnitudeMasks([weight], sparsity, context)) masks.set(weight, mask);
    else pool.push(weight);
  }
  if (pool.length > 0)
    for (const mask of await SCORED[settings.score](pool, settings.sparsity, context))
      masks.set(mask.weight, mask);
  return { masks: weights.flatMap((weight) => masks.get(weight) ?? []), dense };
}

/** What was asked for a weight in particular: the first entry whose name or pattern means it. */
function overrideOf(weight: Weight, { overrides }: PruneSettings): ReadonlyOverride | undefined {
  const names = namesOf(weight);
  for (const [pattern, override] of overrides)
    if (override !== "dense" && names.some(nameMatcher(pattern, names.includes(pattern)))) return override;
  return undefined;
}
