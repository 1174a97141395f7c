import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";

/** How onnxruntime's CPU provider runs an operator between quantized tensors. */
export interface IntegerForm {
  /**
   * moves: the operator itself works on the stored integers, and its output has the scale of its input.
   * computes: another operator takes its place, which is told every scale.
   */
  readonly how: "moves" | "computes";
  /** The operator that runs. */
  readonly kernel: string;
  /** Domain of that operator. */
  readonly domain: "" | "com.microsoft";
}

/** Operators that only move values. */
const MOVES: ReadonlySet<string> = new Set([
  "DepthToSpace",
  "Expand",
  "Flatten",
  "Gather",
  "GatherElements",
  "MaxPool",
  "Reshape",
  "Slice",
  "Split",
  "Squeeze",
  "Tile",
  "Transpose",
  "Unsqueeze",
]);

/** Operators with an integer form that computes; those of the standard are the first two. */
const COMPUTES: Readonly<Record<string, string>> = {
  Conv: "QLinearConv",
  MatMul: "QLinearMatMul",
  Add: "QLinearAdd",
  AveragePool: "QLinearAveragePool",
  Concat: "QLinearConcat",
  Gemm: "QGemm",
  GlobalAveragePool: "QLinearGlobalAveragePool",
  LeakyRelu: "QLinearLeakyRelu",
  Mul: "QLinearMul",
  Sigmoid: "QLinearSigmoid",
  Softmax: "QLinearSoftmax",
  Where: "QLinearWhere",
};
const STANDARD_KERNELS: ReadonlySet<string> = new Set(["QLinearConv", "QLinearMatMul"]);

/**
 * The integer form of a node; undefined where onnxruntime has none. Found by loading every operator between
 * QuantizeLinear and DequantizeLinear in onnxruntime 1.30 and looking at what it made of them.
 */
export function integerForm(node: NodeProto): IntegerForm | undefined {
  if (!isStandard(node)) return undefined;
  const { opType } = node;
  if (MOVES.has(opType) || (opType === "Resize" && isNearest(node)))
    return { how: "moves", kernel: opType, domain: "" };
  if (!Object.hasOwn(COMPUTES, opType)) return undefined;
  const kernel = COMPUTES[opType]!;
  return { how: "computes", kernel, domain: STANDARD_KERNELS.has(kernel) ? "" : "com.microsoft" };
}

/** Inputs that carry values to work on; the others are shapes, indices, weights and conditions. */
export function valueInputs(node: NodeProto): number[] {
  switch (node.opType) {
    case "Concat":
      return node.input.map((_, index) => index);
    case "Add":
    case "Mul":
    case "MatMul":
      return [0, 1];
    case "Where":
      return [1, 2];
    default:
      return [0];
  }
}

function isNearest(node: NodeProto): boolean {
  const mode = node.attribute.find(({ name }) => name === "mode");
  return mode === undefined || Buffer.from(mode.s).toString() === "nearest";
}
