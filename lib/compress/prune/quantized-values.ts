import { isDeepStrictEqual } from "node:util";
import { dtypeOf } from "../../onnx/data-type.js";
import type { OnnxModel } from "../../onnx/read.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import type { QuantizedArray } from "../../operations/element-types.js";
import { dequantizeLinear } from "../../quantize/dequantize-linear.js";
import { quantizeLinear } from "../../quantize/quantize-linear.js";
import type { QuantizedDType } from "../../quantize/quantized-type.js";
import { Scratch } from "../../scratch.js";
import { elementCount } from "../../tensor.js";
import { stepsOf } from "./stored-steps.js";
import type { StoredTensor, StoredTensors } from "./stored-tensors.js";
import type { WeightValues } from "./weight.js";

const QUANTIZED = new Set(["int8", "uint8", "int16", "uint16", "int4", "uint4"]);

export function isQuantized({ tensor }: StoredTensor): boolean {
  return QUANTIZED.has(dtypeOf(tensor.dataType) ?? "");
}

/**
 * How to read and write the values of a weight of integers, behind DequantizeLinear or read by an operator that computes with them: a value is 0 where the stored integer is the zero
 * point, and what is not pruned comes back to the integer that it was, since (q - z) * s / s rounds to q - z.
 *
 * @returns undefined where two nodes read the integers by different scales, or it is not known by which, or a scale is not positive
 */
export function quantizedValues(
  model: OnnxModel,
  constants: StoredTensors,
  stored: StoredTensor,
): WeightValues | undefined {
  const shape = shapeOf(stored.tensor, model.path);
  const params = sharedParams(model, constants, stored.name, shape);
  if (params === undefined) return undefined;
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

/** Scale and zero point, where all who read a tensor take it by the same. */
function sharedParams(
  model: OnnxModel,
  constants: StoredTensors,
  name: string,
  shape: readonly number[],
): Params | undefined {
  const [steps, ...others] = constants.uses(name).map((use) => stepsOf(constants, use, shape.length));
  if (steps === undefined || others.some((other) => !isDeepStrictEqual(other, steps))) return undefined;
  const { scale: scaleName, zeroPoint: zeroPointName, axis, blockSize } = steps;
  const scale = constants.get(scaleName) && model.tensor(constants.get(scaleName)!.tensor);
  const zeroPoint = constants.get(zeroPointName) && model.tensor(constants.get(zeroPointName)!.tensor);
  if (scale?.dtype !== "float32" || (zeroPointName !== "" && zeroPoint === undefined)) return undefined;
  const scales = scale.data as Float32Array;
  if (!scales.every((value) => value > 0 && Number.isFinite(value))) return undefined;
  if (zeroPoint?.dtype === "int4" || zeroPoint?.dtype === "uint4") return undefined;
  const points = zeroPoint && Array.from(zeroPoint.data as ArrayLike<number>);
  if (scales.length > 1 && blockSize === 0 && scales.length !== shape[axis]) return undefined;
  if (scales.length === 1) return { scale: scales[0]!, zeroPoint: points?.[0] ?? 0, axis };
  // One zero point stands for all channels.
  const zeroPoints = points === undefined || points.length === 1 ? (points?.[0] ?? 0) : points;
  return { scale: scales, zeroPoint: zeroPoints, axis, ...(blockSize > 0 && { blockSize }) };
}
