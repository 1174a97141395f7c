import type { Graph } from "../graph/graph.js";
import { expectedBytes } from "../onnx/tensor-proto.js";
import type { Anchor } from "./anchors.js";
import type { QuantizeMode, QuantizeOptions } from "./options.js";
import type { Selection } from "./select-nodes.js";

/** Above this share of the weights a model counts as convolutional. */
const CONVOLUTIONAL = 0.25;

/** DynamicQuantizeLinear exists from here on, QuantizeLinear one earlier. */
export const LOWEST_QUANTIZED_OPSET = 11;

export interface ChosenMode {
  mode: QuantizeMode;
  reason: string;
  /** Anchors of which only the weight is stored in int8, though the mode does more with the others. */
  weightsOnly: (anchor: Anchor) => boolean;
}

/** The mode that was asked for, as far as the model has something for it, else the one that suits it. */
export function chooseMode(
  graph: Graph,
  { anchors }: Selection,
  options: Pick<QuantizeOptions, "mode" | "data">,
  inBlocks: boolean,
): ChosenMode {
  const mode = options.mode ?? (inBlocks ? "weights" : undefined);
  const none = () => false;
  if (mode === "float16") return { mode, reason: "as asked", weightsOnly: none };
  const gaining = graph.allNodes().find(({ opType }) => opType === "LSTM" || opType === "Attention");
  if (anchors.size === 0 && mode !== "weights" && gaining)
    return {
      mode: "dynamic",
      reason: `its ${gaining.opType} gains from dynamic int8`,
      weightsOnly: none,
    };
  if (anchors.size === 0)
    return {
      mode: "weights",
      reason: "it has no Conv, Gemm or MatMul outside of subgraphs that could run in integers",
      weightsOnly: () => true,
    };
  if (mode !== undefined) return { mode, reason: "as asked", weightsOnly: none };
  if (options.data !== undefined)
    return { mode: "static", reason: "calibration data was given", weightsOnly: none };
  const bytes = ({ weight }: Anchor): number =>
    weight === undefined ? 0 : (expectedBytes(graph.initializer(weight)!) ?? 0);
  return modeWithoutData([...anchors.values()], bytes, graph.opset() ?? 0);
}

/**
 * Picks a mode for a model without calibration data. onnxruntime's ConvInteger is 4 to 12 times slower than its float
 * Conv, while MatMulInteger is faster than its float MatMul, so dynamic int8 is for models of matrix products only.
 */
function modeWithoutData(
  anchors: readonly Anchor[],
  bytes: (anchor: Anchor) => number,
  opset: number,
): ChosenMode {
  if (opset < LOWEST_QUANTIZED_OPSET)
    return {
      mode: "weights",
      reason: `opset ${opset} has no quantized operators, so only the weights are stored in int8`,
      weightsOnly: () => false,
    };
  const total = sum(anchors.map(bytes));
  const convs = anchors.filter(isConv);
  const inConvs = sum(convs.map(bytes));
  if (convs.length === 0)
    return {
      mode: "dynamic",
      reason: "no calibration data, and all its weights are in matrix products, which gain from dynamic int8",
      weightsOnly: () => false,
    };
  if (inConvs < CONVOLUTIONAL * total)
    return {
      mode: "dynamic",
      reason: `no calibration data; ${percent(inConvs / total)} of its weights are in convolutions, of which only the weights are stored in int8 because their dynamic form is 4 to 12 times slower`,
      weightsOnly: isConv,
    };
  return {
    mode: "weights",
    reason: `no calibration data; ${percent(inConvs / total)} of its weights are in convolutions, whose dynamic int8 form is 4 to 12 times slower, so only the weights are stored in int8; give --data for a faster model`,
    weightsOnly: () => false,
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
