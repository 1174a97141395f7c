import { outOfRange, wrongType } from "../errors.js";
import { Scratch } from "../scratch.js";
import { bitsPerElement, byteCount, type DeferredTensor, type Tensor } from "../tensor.js";
import type { WeightParameter } from "./layout.js";
import { packWeight } from "./pack-weight.js";
import { quantizeWeight } from "./quantize-weight.js";
import { resolveScheme, type SchemeName, SPARSE_BITMASK, type WeightScheme } from "./scheme.js";

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
 * With "sparse-bitmask" nothing is quantized, and zeros are left out: compressed, bitmask (a bit for each value, in whole bytes for each
 * row), shape and row_offsets. Zero is +0 alone, so that every bit comes back; the library, which has this form up to version 0.14, takes
 * -0 for zero too.
 *
 * @example
 * const parts = compressWeight({ dtype: "float32", shape: [4096, 4096], data }, "W4A16");
 * for (const [part, tensor] of Object.entries(parts)) tensors[`model.layers.0.mlp.up_proj.${part}`] = tensor;
 *
 * @throws TypeError if an option is of the wrong kind
 * @throws RangeError if the weight is no matrix of floats, holds NaN or infinity, its columns are no multiple of the group size, or
 *   there is no such scheme; for "sparse-bitmask" if it is no matrix, or of elements that have no 1, 2 or 4 bytes
 */
export function compressWeight(
  weight: Tensor,
  scheme: SchemeName | WeightScheme | typeof SPARSE_BITMASK,
): CompressedWeight {
  const parts = scheme === SPARSE_BITMASK ? packedParts(weight) : quantizedParts(weight, scheme);
  const made: Partial<Record<WeightParameter, Tensor>> = {};
  for (const [name, part] of Object.entries(parts)) {
    const { dtype, shape } = part;
    made[name as WeightParameter] = { dtype, shape, data: new Scratch().dataOf(part) };
  }
  return made;
}

const invalid = (message: string) => new RangeError(`Expected finite values in weight, but ${message}`);

function quantizedParts(
  weight: Tensor,
  scheme: SchemeName | WeightScheme,
): Partial<Record<WeightParameter, DeferredTensor>> {
  const resolved = resolveScheme(scheme);
  const { dtype, data } = weight;
  if (dtype !== "float32" && dtype !== "float16" && dtype !== "bfloat16")
    throw outOfRange("float32, float16 or bfloat16", "dtype of weight", dtype);
  const expected = dtype === "float32" ? Float32Array : Uint16Array;
  if (!(data instanceof expected)) throw wrongType(`a ${expected.name}`, "data of weight", data);
  const shape = matrixShape(weight);
  if (resolved.strategy === "group" && shape[1] % resolved.groupSize! !== 0)
    throw outOfRange(
      `columns that are a multiple of ${resolved.groupSize}`,
      "shape of weight",
      `[${shape.join(", ")}]`,
    );
  return quantizeWeight({ dtype, shape, load: () => data, invalid }, resolved, dtype);
}

function packedParts(weight: Tensor): Partial<Record<WeightParameter, DeferredTensor>> {
  const { dtype, data } = weight;
  if (![8, 16, 32].includes(bitsPerElement(dtype)))
    throw outOfRange("a type of 1, 2 or 4 bytes", "dtype of weight", dtype);
  if (8 * data.BYTES_PER_ELEMENT !== bitsPerElement(dtype))
    throw wrongType(`an array of ${dtype}`, "data of weight", data);
  return packWeight({ dtype, shape: matrixShape(weight), load: () => data }, invalid).parts;
}

function matrixShape({ dtype, shape, data }: Tensor): [rows: number, cols: number] {
  const [rows, cols] = shape;
  if (shape.length !== 2 || !shape.every((size) => Number.isSafeInteger(size) && size > 0))
    throw outOfRange("a matrix [out, in]", "shape of weight", `[${shape.join(", ")}]`);
  if (data.byteLength !== byteCount(dtype, shape))
    throw outOfRange(`${rows! * cols!} values`, "data of weight", data.length);
  return [rows!, cols!];
}
