import { nameMatcher } from "../name-pattern.js";
import { autoMasks } from "./auto-masks.js";
import { blockMask, whyNoBlocks } from "./block-masks.js";
import { lampMasks } from "./lamp-masks.js";
import { magnitudeMasks } from "./magnitude-masks.js";
import type { Mask, MaskContext } from "./mask.js";
import { namesOf } from "./name-choice.js";
import { neighbourMask, whyNoNeighbours } from "./neighbour-masks.js";
import type { DenseTensor, PruneSettings, ReadonlyOverride } from "./options.js";
import type { Pattern } from "./pattern.js";
import type { MeasuredSensitivity } from "./sensitivity.js";
import type { Weight } from "./weight.js";

/** A mask, and by which pattern it was chosen. */
export interface ChosenMask extends Mask {
  readonly pattern: Pattern;
}

export interface ChosenMasks {
  /** In the order of the weights. */
  readonly masks: readonly ChosenMask[];
  /** Weights that the pattern does not fit. */
  readonly dense: readonly DenseTensor[];
}

export interface ChooseMasksContext extends MaskContext {
  /** What each weight costs the outputs; for scope auto. */
  readonly sensitivity?: MeasuredSensitivity | undefined;
}

/** Decides for each weight which of its values go. */
export async function chooseMasks(
  weights: readonly Weight[],
  settings: PruneSettings,
  context: ChooseMasksContext,
): Promise<ChosenMasks> {
  const masks = new Map<Weight, ChosenMask>();
  const dense: DenseTensor[] = [];
  const pool: Weight[] = [];
  for (const weight of weights) {
    const override = overrideOf(weight, settings);
    const { pattern, sparsity } = override ?? settings;
    if (pattern.kind === "neighbours") {
      const reason = whyNoNeighbours(weight, pattern);
      if (reason === undefined)
        masks.set(weight, { ...(await neighbourMask(weight, pattern, context)), pattern });
      else dense.push({ name: weight.name, values: weight.count, reason });
    } else if (pattern.kind === "blocks" && whyNoBlocks(weight) !== undefined)
      dense.push({ name: weight.name, values: weight.count, reason: whyNoBlocks(weight)! });
    else if (pattern.kind === "blocks" && (override || settings.scope === "layer"))
      masks.set(weight, { ...(await blockMask(weight, pattern, sparsity, context)), pattern });
    else if (override || settings.scope === "layer")
      for (const mask of await magnitudeMasks([weight], sparsity, context))
        masks.set(weight, { ...mask, pattern });
    else pool.push(weight);
  }
  if (pool.length > 0)
    for (const mask of await patternedMasks(pool, settings, context))
      masks.set(mask.weight, { ...mask, pattern: settings.pattern });
  return { masks: weights.flatMap((weight) => masks.get(weight) ?? []), dense };
}

/** The same masks, or in blocks the share of each weight that they have. */
async function patternedMasks(
  weights: readonly Weight[],
  settings: PruneSettings,
  context: ChooseMasksContext,
): Promise<Mask[]> {
  const { pattern } = settings;
  const masks = await pooledMasks(weights, settings, context);
  if (pattern.kind !== "blocks") return masks;
  const told = { ...context, onWeight: () => undefined };
  const blocked: Mask[] = [];
  for (const { weight, zeros } of masks)
    blocked.push(await blockMask(weight, pattern, zeros.after / weight.count, told));
  return blocked;
}

/** Masks of weights that have one target together. Scores from calibration stand in place of the weights, as magnitudes. */
function pooledMasks(
  weights: readonly Weight[],
  { score, sparsity }: PruneSettings,
  context: ChooseMasksContext,
): Promise<Mask[]> {
  const { sensitivity } = context;
  if (sensitivity) return autoMasks(weights, sparsity, sensitivity.curves, context);
  return (score === "lamp" ? lampMasks : magnitudeMasks)(weights, sparsity, context);
}

/** What was asked for a weight in particular: the first entry whose name or pattern means it. */
function overrideOf(weight: Weight, { overrides }: PruneSettings): ReadonlyOverride | undefined {
  const names = namesOf(weight);
  for (const [pattern, override] of overrides)
    if (override !== "dense" && names.some(nameMatcher(pattern, names.includes(pattern)))) return override;
  return undefined;
}
