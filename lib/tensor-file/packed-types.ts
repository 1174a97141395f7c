import { ModelFormatError } from "../errors.js";
import { bitsPerElement, byteCount, type DType, elementCount } from "../tensor.js";

/** Types that safetensors lacks: their bytes go there as U8, and the metadata says what they are. */
const PACKED_TYPES: ReadonlySet<string> = new Set<DType>(["int4", "uint4"]);
const PREFIX = "packed:";

/** Whether safetensors has no form for it: for its type, or because it ends inside a byte. */
export function isPacked(dtype: DType, shape: readonly number[]): boolean {
  return PACKED_TYPES.has(dtype) || (elementCount(shape) * bitsPerElement(dtype)) % 8 !== 0;
}

/** The entry of the metadata that says what a tensor of bytes is: { "packed:weight": "int4 [3, 5]" }. */
export function packedEntry(name: string, dtype: DType, shape: readonly number[]): [string, string] {
  return [`${PREFIX}${name}`, `${dtype} [${shape.join(", ")}]`];
}

export function isPackedKey(key: string): boolean {
  return key.startsWith(PREFIX);
}

/**
 * What the metadata says that a tensor of bytes is; undefined where it says nothing.
 *
 * @throws ModelFormatError TENSOR_INVALID where the tensor cannot be that
 */
export function packedType(
  metadata: Readonly<Record<string, string>>,
  name: string,
  stored: { readonly dtype: DType; readonly byteLength: number },
  path: string,
): { dtype: DType; shape: number[] } | undefined {
  const text = Object.hasOwn(metadata, PREFIX + name) ? metadata[PREFIX + name] : undefined;
  if (text === undefined) return undefined;
  const [, dtype, sizes] = /^(int4|uint4|float4e2m1) \[((?:\d{1,15}(?:, \d{1,15})*)?)\]$/.exec(text) ?? [];
  const shape = sizes === "" ? [] : sizes?.split(", ").map(Number);
  const fits =
    dtype !== undefined &&
    stored.dtype === "uint8" &&
    byteCount(dtype as DType, shape!) === stored.byteLength;
  if (!fits)
    throw new ModelFormatError(
      "TENSOR_INVALID",
      `its metadata says ${JSON.stringify(text.slice(0, 200))}, but it has ${stored.byteLength} bytes of ${stored.dtype}`,
      { path, field: `tensor ${JSON.stringify(name)}` },
    );
  return { dtype: dtype as DType, shape: shape! };
}
