import { pruneNM } from "../../prune/prune-nm.js";
import { type Mask, type MaskContext, maskOf } from "./mask.js";
import type { Weight } from "./weight.js";

export interface Neighbours {
  readonly keep: number;
  readonly of: number;
}

/**
 * A mask that leaves the `keep` largest of each `of` neighbours along the axis that products sum over, where sparse tensor cores
 * want them: the inputs of a Gemm or MatMul, the input channels of a Conv.
 */
export function neighbourMask(weight: Weight, { keep, of }: Neighbours, context: MaskContext): Promise<Mask> {
  const { shape, inputAxis } = weight;
  return maskOf(
    weight,
    (values, out) => void pruneNM(values, { keep, of, shape, axis: inputAxis!, out }),
    context,
  );
}

/** Why a weight cannot have groups of neighbours; undefined where it can. */
export function whyNoNeighbours({ shape, inputAxis }: Weight, { of }: Neighbours): string | undefined {
  if (inputAxis === undefined) return "the nodes that read it sum over different axes, or none";
  const inputs = shape[inputAxis]!;
  return inputs % of === 0 ? undefined : `has ${inputs} inputs, which is no multiple of ${of}`;
}
