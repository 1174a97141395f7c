import { outOfRange, wrongType } from "../errors.js";
import { byteCount, type Tensor, type TypedArray, viewAs } from "../tensor.js";
import type { WeightParameter } from "./layout.js";
import { quantizeWeight } from "./quantize-weight.js";
import { resolveScheme, type SchemeName, type WeightScheme } from "./scheme.js";

/** The tensors that stand for a weight, by the names they have after that of their layer and a dot. */
export type CompressedWeight = Readonly<Partial<Record<WeightParameter, Tensor>>>;

/**
 * Quantizes the weight of a linear layer, [out, in], into the tensors that the compressed-tensors convention stores for it:
 * weight_packed (int32, 4 or 8 bits for each value along the rows), weight_shape, weight_scale and, without symmetry, weight_zero_point
 * (packed across the rows); or for int-quantized weight (int8), weight_scale and weight_zero_point. Scales have the type of the weight.
 *
 * A scale is the largest magnitude over half of 2^bits - 1 steps, or without symmetry the width of the range and 0 over the steps;
 * values become steps as by quantizeLinear, with the scale as it is stored. For float32 that is what the convention's own library
 * makes. That library rounds quotients of 16-bit floats once more, to 16 bits; here they are rounded to steps alone.
 * Convention: https://github.com/vllm-project/compressed-tensors
 *
 * @example
 * const parts = compressWeight({ dtype: "float32", shape: [4096, 4096], data }, "W4A16");
 * for (const [part, tensor] of Object.entries(parts)) tensors[`model.layers.0.mlp.up_proj.${part}`] = tensor;
 *
 * @throws TypeError if an option is of the wrong kind
 * @throws RangeError if the weight is no matrix of floats, holds NaN or infinity, its columns are no multiple of the group size, or
 *   there is no such scheme
 */
export function compressWeight(weight: Tensor, scheme: SchemeName | WeightScheme): CompressedWeight {
  const resolved = resolveScheme(scheme);
  const { dtype, shape, data } = weight;
  const [rows, cols] = shape;
  if (dtype !== "float32" && dtype !== "float16" && dtype !== "bfloat16")
    throw outOfRange("float32, float16 or bfloat16", "dtype of weight", dtype);
  const described = `[${shape.join(", ")}]`;
  if (shape.length !== 2 || !shape.every((size) => Number.isSafeInteger(size) && size > 0))
    throw outOfRange("a matrix [out, in]", "shape of weight", described);
  const expected = dtype === "float32" ? Float32Array : Uint16Array;
  if (!(data instanceof expected)) throw wrongType(`a ${expected.name}`, "data of weight", data);
  if (data.byteLength !== byteCount(dtype, shape))
    throw outOfRange(`${rows! * cols!} values`, "data of weight", data.length);
  if (resolved.strategy === "group" && cols! % resolved.groupSize! !== 0)
    throw outOfRange(`columns that are a multiple of ${resolved.groupSize}`, "shape of weight", described);
  const matrix = {
    dtype,
    shape: [rows!, cols!] as const,
    load: () => data,
    invalid: (message: string) => new RangeError(`Expected finite values in weight, but ${message}`),
  };
  const made: Partial<Record<WeightParameter, Tensor>> = {};
  for (const [name, { dtype: type, shape: size, fill }] of Object.entries(
    quantizeWeight(matrix, resolved, dtype),
  )) {
    const byteLength = byteCount(type, size);
    const values: TypedArray = viewAs(type, {
      buffer: new ArrayBuffer(byteLength),
      byteOffset: 0,
      byteLength,
    });
    fill(values);
    made[name as WeightParameter] = { dtype: type, shape: size, data: values };
  }
  return made;
}
