import type { ChosenMask } from "../choose-masks.js";
import type { Weight } from "../weight.js";

/** A weight in whose place stand its scores: what is small goes, as ever. */
export function scoredWeight({ store: _, ...weight }: Weight, scores: Float32Array): Weight {
  return { ...weight, load: () => scores };
}

/** The mask of a weight that was chosen by its scores. */
export function valueMask(weight: Weight, mask: ChosenMask): ChosenMask {
  const scores = mask.weight.load();
  return {
    ...mask,
    weight,
    apply(values, out) {
      const left = new Float32Array(scores.length);
      mask.apply(scores, left);
      for (const [i, score] of left.entries()) out[i] = score === 0 ? 0 : values[i]!;
    },
  };
}
