import { intAttributeOf } from "../../graph/graph.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import type { StoredTensors } from "./stored-tensors.js";

/** By what the integers that a node reads stand for floats. */
export interface StoredSteps {
  /** Names of tensors; no zero point is 0. */
  readonly scale: string;
  readonly zeroPoint: string;
  /** The axis of the integers that several scales lie along; one block of it has each, 0: one index. */
  readonly axis: number;
  readonly blockSize: number;
}

/** Inputs of an operator with integers: the scale and zero point of the weight, and the axis that these lie along, from the end. */
interface Operand {
  readonly index: number;
  readonly scale?: number;
  readonly zeroPoint: number;
  readonly channels: "first" | "last";
}

const OPERANDS: Readonly<Record<string, readonly Operand[]>> = {
  QLinearConv: [{ index: 3, scale: 4, zeroPoint: 5, channels: "first" }],
  QLinearMatMul: [{ index: 3, scale: 4, zeroPoint: 5, channels: "last" }],
  ConvInteger: [{ index: 1, zeroPoint: 3, channels: "first" }],
  MatMulInteger: [{ index: 1, zeroPoint: 3, channels: "last" }],
  MatMulIntegerToFloat: [{ index: 1, scale: 3, zeroPoint: 5, channels: "last" }],
  DynamicQuantizeMatMul: [{ index: 1, scale: 2, zeroPoint: 3, channels: "last" }],
  QGemm: [{ index: 3, scale: 4, zeroPoint: 5, channels: "last" }],
  DynamicQuantizeLSTM: [
    { index: 1, scale: 8, zeroPoint: 9, channels: "last" },
    { index: 2, scale: 10, zeroPoint: 11, channels: "last" },
  ],
};

/** How a node reads a tensor of integers as floats; undefined where that is not known. */
export function stepsOf(
  constants: StoredTensors,
  { node, index }: { readonly node: NodeProto; readonly index: number },
  rank: number,
): StoredSteps | undefined {
  const { opType, input } = node;
  if (opType === "DequantizeLinear") {
    const [axis, blockSize] = [intAttributeOf(node, "axis", 1), intAttributeOf(node, "block_size", 0)];
    return index === 0 ? { scale: input[1] ?? "", zeroPoint: input[2] ?? "", axis, blockSize } : undefined;
  }
  const operand = OPERANDS[opType]?.find((each) => each.index === index);
  const scale = operand?.scale === undefined ? scaleBehind(constants, node) : input[operand.scale];
  if (operand === undefined || !scale) return undefined;
  const isFirst =
    operand.channels === "first" || (opType === "QGemm" && intAttributeOf(node, "transB", 0) !== 0);
  return { scale, zeroPoint: input[operand.zeroPoint] ?? "", axis: isFirst ? 0 : rank - 1, blockSize: 0 };
}

/** The constant by which the sums of an operator without scales are multiplied, itself or in the product of both scales. */
function scaleBehind(constants: StoredTensors, { output }: NodeProto): string | undefined {
  const cast = onlyUse(constants, output[0]!, "Cast");
  const product = cast && onlyUse(constants, cast.output[0]!, "Mul");
  const factor = product?.input.find((name) => name !== cast!.output[0]);
  if (factor === undefined || constants.get(factor)) return factor;
  const scales = constants.producer(factor);
  return scales?.opType === "Mul" ? scales.input.find((name) => constants.get(name)) : undefined;
}

function onlyUse(constants: StoredTensors, name: string, opType: string): NodeProto | undefined {
  const [use, ...others] = constants.uses(name);
  return others.length === 0 && use?.node.opType === opType ? use.node : undefined;
}
