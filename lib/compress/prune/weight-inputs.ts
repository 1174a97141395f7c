import { intAttributeOf } from "../../graph/graph.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";

/** An input by which an operator multiplies. */
export interface WeightInput {
  readonly index: number;
  /** The axis of the weight that the product sums over; undefined where there is none, or groups lie across it. */
  readonly inputAxis: number | undefined;
}

/**
 * The inputs of a node that may be weights. A Conv's groups sum over axis 1 each, a ConvTranspose's would share axis 0; tables of
 * embeddings are looked up and not summed over.
 *
 * @param rank of an input
 */
export function weightInputs(node: NodeProto, rank: (index: number) => number): readonly WeightInput[] {
  const attribute = (name: string, absent = 0): number => intAttributeOf(node, name, absent);
  if (node.domain === "com.microsoft") return microsoftInputs(node, rank, attribute);
  if (!isStandard(node)) return [];
  switch (node.opType) {
    case "Conv":
      return [{ index: 1, inputAxis: 1 }];
    case "ConvTranspose":
      return [{ index: 1, inputAxis: attribute("group", 1) === 1 ? 0 : undefined }];
    case "Gemm":
      return [
        { index: 0, inputAxis: attribute("transA") !== 0 ? 0 : 1 },
        { index: 1, inputAxis: attribute("transB") !== 0 ? 1 : 0 },
      ];
    case "MatMul":
      return factors(rank, false, false);
    case "ConvInteger":
      return [{ index: 1, inputAxis: 1 }];
    case "QLinearConv":
      return [{ index: 3, inputAxis: 1 }];
    case "MatMulInteger":
      return [secondFactor(rank, 1)];
    case "QLinearMatMul":
      return [secondFactor(rank, 3)];
    case "LSTM":
    case "GRU":
    case "RNN":
      return [
        { index: 1, inputAxis: 2 },
        { index: 2, inputAxis: 2 },
      ];
    default:
      return [];
  }
}

/** The same for onnxruntime's own operators, which its transformer optimizer makes. */
function microsoftInputs(
  { opType }: NodeProto,
  rank: (index: number) => number,
  attribute: (name: string) => number,
): readonly WeightInput[] {
  switch (opType) {
    case "Attention":
      return [{ index: 1, inputAxis: 0 }];
    case "FusedMatMul":
      return factors(rank, attribute("transA") !== 0, attribute("transB") !== 0);
    case "MatMulIntegerToFloat":
    case "DynamicQuantizeMatMul":
      return [secondFactor(rank, 1)];
    case "QGemm":
      return [{ index: 3, inputAxis: attribute("transB") !== 0 ? 1 : 0 }];
    case "DynamicQuantizeLSTM":
      return [
        { index: 1, inputAxis: 1 },
        { index: 2, inputAxis: 1 },
      ];
    default:
      return [];
  }
}

function secondFactor(rank: (index: number) => number, index: number): WeightInput {
  return { index, inputAxis: Math.max(0, rank(index) - 2) };
}

/** A product sums over the last axis of its first factor and the one before the last of its second. */
function factors(
  rank: (index: number) => number,
  firstTransposed: boolean,
  secondTransposed: boolean,
): WeightInput[] {
  const last = (index: number): number => Math.max(0, rank(index) - 1);
  const beforeLast = (index: number): number => Math.max(0, rank(index) - 2);
  return [
    { index: 0, inputAxis: firstTransposed ? beforeLast(0) : last(0) },
    { index: 1, inputAxis: secondTransposed ? last(1) : beforeLast(1) },
  ];
}

/** True where a node looks up rows of a table. */
export function isLookup({ node, index }: { node: NodeProto; index: number }): boolean {
  if (isStandard(node))
    return node.opType === "Gather" && index === 0 && intAttributeOf(node, "axis", 0) === 0;
  return node.opType === "EmbedLayerNormalization" && index >= 2 && index <= 4;
}
