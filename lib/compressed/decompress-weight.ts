import { outOfRange } from "../errors.js";
import { Scratch } from "../scratch.js";
import { byteCount, type DType, type Fill, type Tensor } from "../tensor.js";
import { bitmaskFormOf } from "./bitmask-form.js";
import type { CompressedWeight } from "./compress-weight.js";
import { dequantizeWeight } from "./dequantize-weight.js";
import { findWeights } from "./find-weights.js";
import { SPARSE_BITMASK } from "./scheme.js";
import { unpackWeight } from "./unpack-weight.js";
import { formOf } from "./weight-form.js";

/**
 * Brings a weight that the compressed-tensors convention stores as several tensors back: a quantized one into floats of the type of its
 * scales, (step - zero point) * scale as dequantizeLinear; one without its zeros bit for bit. How it is stored, its tensors say.
 *
 * @param parts weight_packed, weight_shape and weight_scale, or weight (int8) and weight_scale, and weight_zero_point where there is one;
 *   or bitmask, compressed and shape
 * @throws RangeError if the tensors are not those of one weight, do not fit each other, or a scale is not finite
 */
export function decompressWeight(parts: CompressedWeight): Tensor {
  const tensors = new Map(Object.entries(parts) as [string, Tensor][]);
  const invalid = (message: string) => new RangeError(`Expected the tensors of one weight, but ${message}`);
  const [found] = findWeights(tensors);
  if (found === undefined) {
    const names = [...tensors].map(([name, { dtype }]) => `${name} (${dtype})`);
    throw outOfRange(
      "weight_packed, weight_shape and weight_scale, an int8 weight and weight_scale, or bitmask, compressed and shape",
      "parts",
      names.join(", "),
    );
  }
  for (const [name, { dtype, shape, data }] of tensors)
    if (data.byteLength !== byteCount(dtype, shape))
      throw outOfRange(`${byteCount(dtype, shape)} bytes`, `data of ${name}`, data.byteLength);
  const load = (parameter: string) => tensors.get(parameter)!.data;
  if (found.format === SPARSE_BITMASK) {
    const stored = [...tensors].map(
      ([name, tensor]) => [name, { ...tensor, load: () => tensor.data }] as const,
    );
    const form = bitmaskFormOf(new Map(stored), invalid);
    return filled(form.dtype, form.shape, (data) => unpackWeight(form, load, data, invalid));
  }
  const size = parts.weight_shape && Array.from(parts.weight_shape.data as BigInt64Array, Number);
  const form = formOf(found.format, tensors, size, invalid);
  const { rows, cols } = form.layout;
  return filled(form.dtype, [rows, cols], (data) => dequantizeWeight(form, load, data, invalid));
}

function filled(dtype: DType, shape: readonly number[], fill: Fill): Tensor {
  return { dtype, shape, data: new Scratch().dataOf({ dtype, shape, fill }) };
}
