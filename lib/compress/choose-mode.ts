import type { Anchor } from "./anchors.js";
import type { QuantizeMode } from "./options.js";

/** Below this share of the weights, convolutions may stay in float and the model still shrinks. */
const FEW = 0.25;

export interface ChosenMode {
  mode: QuantizeMode;
  reason: string;
  /** Anchors that the mode should leave alone. */
  spare: (anchor: Anchor) => boolean;
}

/**
 * Picks a mode for a model without calibration data. onnxruntime's ConvInteger is 4 to 12 times slower than its float
 * Conv, while MatMulInteger is faster than its float MatMul, so dynamic int8 is for models of matrix products only.
 */
export function chooseMode(anchors: readonly Anchor[], bytes: (anchor: Anchor) => number): ChosenMode {
  const total = sum(anchors.map(bytes));
  const convs = anchors.filter(isConv);
  const inConvs = sum(convs.map(bytes));
  if (convs.length === 0)
    return {
      mode: "dynamic",
      reason: "no calibration data, and all its weights are in matrix products, which gain from dynamic int8",
      spare: () => false,
    };
  if (inConvs < FEW * total)
    return {
      mode: "dynamic",
      reason: `no calibration data; ${percent(inConvs / total)} of its weights are in convolutions, which stay in float because their dynamic int8 form is 4 to 12 times slower`,
      spare: isConv,
    };
  return {
    mode: "weights",
    reason: `no calibration data; ${percent(inConvs / total)} of its weights are in convolutions, whose dynamic int8 form is 4 to 12 times slower, so only the weights are stored in int8; give --data for a faster model`,
    spare: () => false,
  };
}

function isConv({ node }: Anchor): boolean {
  return node.opType === "Conv";
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
