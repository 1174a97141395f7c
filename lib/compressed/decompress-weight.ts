import { outOfRange } from "../errors.js";
import { byteCount, type Tensor, viewAs } from "../tensor.js";
import type { CompressedWeight } from "./compress-weight.js";
import { dequantizeWeight } from "./dequantize-weight.js";
import { findWeights } from "./find-weights.js";
import { formOf } from "./weight-form.js";

/**
 * Brings a weight that the compressed-tensors convention stores as several tensors back into floats, of the type of its scales:
 * (step - zero point) * scale, as dequantizeLinear. How it was quantized, its tensors say.
 *
 * @param parts weight_packed, weight_shape and weight_scale, or weight (int8) and weight_scale; and weight_zero_point where there is one
 * @throws RangeError if the tensors are not those of a quantized matrix, do not fit each other, or a scale is not finite
 */
export function decompressWeight(parts: CompressedWeight): Tensor {
  const tensors = new Map(Object.entries(parts) as [string, Tensor][]);
  const invalid = (message: string) => new RangeError(`Expected the tensors of one weight, but ${message}`);
  const [found] = findWeights(tensors);
  if (found === undefined || found.format === "sparse-bitmask") {
    const names = [...tensors].map(([name, { dtype }]) => `${name} (${dtype})`);
    throw outOfRange(
      "weight_packed, weight_shape and weight_scale, or an int8 weight and weight_scale,",
      "parts",
      names.join(", "),
    );
  }
  for (const [name, { dtype, shape, data }] of tensors)
    if (data.byteLength !== byteCount(dtype, shape))
      throw outOfRange(`${byteCount(dtype, shape)} bytes`, `data of ${name}`, data.byteLength);
  const size = parts.weight_shape && Array.from(parts.weight_shape.data as BigInt64Array, Number);
  const form = formOf(found.format, tensors, size, invalid);
  const { rows, cols } = form.layout;
  const shape = [rows, cols];
  const byteLength = byteCount(form.dtype, shape);
  const data = viewAs(form.dtype, { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength });
  dequantizeWeight(form, (parameter) => tensors.get(parameter)!.data, data, invalid);
  return { dtype: form.dtype, shape, data };
}
