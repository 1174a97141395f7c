import { intAttributeOf } from "../../graph/graph.js";
import { dtypeOf } from "../../onnx/data-type.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../../onnx/read.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import type { QuantizedArray } from "../../operations/element-types.js";
import { dequantizeLinear } from "../../quantize/dequantize-linear.js";
import { quantizeLinear } from "../../quantize/quantize-linear.js";
import type { QuantizedDType } from "../../quantize/quantized-type.js";
import { Scratch } from "../../scratch.js";
import { elementCount } from "../../tensor.js";
import type { StoredTensor, StoredTensors } from "./stored-tensors.js";
import type { WeightValues } from "./weight.js";

const QUANTIZED = new Set(["int8", "uint8", "int16", "uint16", "int4", "uint4"]);

export function isQuantized({ tensor }: StoredTensor): boolean {
  return QUANTIZED.has(dtypeOf(tensor.dataType) ?? "");
}

/**
 * How to read and write the values of a weight that DequantizeLinear brings back: a value is 0 where the stored integer is the zero
 * point, and what is not pruned comes back to the integer that it was, since (q - z) * s / s rounds to q - z.
 *
 * @returns undefined where something else reads the integers, or two nodes by different scales, or a scale is not positive
 */
export function quantizedValues(
  model: OnnxModel,
  constants: StoredTensors,
  stored: StoredTensor,
): WeightValues | undefined {
  const params = sharedParams(model, constants, constants.uses(stored.name));
  if (params === undefined) return undefined;
  const shape = shapeOf(stored.tensor, model.path);
  const dtype = dtypeOf(stored.tensor.dataType) as QuantizedDType;
  const options = { ...params, shape, dtype };
  return {
    load(scratch = new Scratch()) {
      const out = scratch.array("float32", [elementCount(shape)]) as Float32Array;
      return dequantizeLinear(model.tensor(stored.tensor).data as QuantizedArray, { ...options, out });
    },
    store: (pruned, out) => void quantizeLinear(pruned, { ...options, out: out as QuantizedArray }),
  };
}

interface Params {
  scale: Float32Array | number;
  zeroPoint: number[] | number;
  axis: number;
  blockSize?: number;
}

/** Scale and zero point, where all who read a tensor dequantize it by the same. */
function sharedParams(
  model: OnnxModel,
  constants: StoredTensors,
  uses: readonly { node: NodeProto; index: number }[],
): Params | undefined {
  const [first] = uses;
  if (first === undefined) return undefined;
  const like = (node: NodeProto): boolean =>
    node.opType === "DequantizeLinear" &&
    node.input[1] === first.node.input[1] &&
    node.input[2] === first.node.input[2] &&
    axisOf(node) === axisOf(first.node) &&
    blockOf(node) === blockOf(first.node);
  if (!uses.every(({ node, index }) => index === 0 && like(node))) return undefined;
  const [, scaleName = "", zeroPointName = ""] = first.node.input;
  const scale = constants.get(scaleName) && model.tensor(constants.get(scaleName)!.tensor);
  const zeroPoint = constants.get(zeroPointName) && model.tensor(constants.get(zeroPointName)!.tensor);
  if (scale?.dtype !== "float32" || (zeroPointName !== "" && zeroPoint === undefined)) return undefined;
  const scales = scale.data as Float32Array;
  if (!scales.every((value) => value > 0 && Number.isFinite(value))) return undefined;
  if (zeroPoint?.dtype === "int4" || zeroPoint?.dtype === "uint4") return undefined;
  const points = zeroPoint && Array.from(zeroPoint.data as ArrayLike<number>);
  const axis = axisOf(first.node);
  if (scales.length === 1) return { scale: scales[0]!, zeroPoint: points?.[0] ?? 0, axis };
  const blockSize = blockOf(first.node);
  return { scale: scales, zeroPoint: points ?? 0, axis, ...(blockSize > 0 && { blockSize }) };
}

function axisOf(node: NodeProto): number {
  return intAttributeOf(node, "axis", 1);
}

function blockOf(node: NodeProto): number {
  return intAttributeOf(node, "block_size", 0);
}
