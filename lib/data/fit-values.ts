import { bfloat16ToFloat32 } from "../cast/bfloat16-to-float32.js";
import { float16ToFloat32 } from "../cast/float16-to-float32.js";
import { float32ToFloat16 } from "../cast/float32-to-float16.js";
import { bitsPerElement, byteCount, type DType, type Tensor, type TypedArray, viewAs } from "../tensor.js";
import { INTEGERS } from "./labels.js";

type Fail = (message: string) => never;

/**
 * A stored row as values of the type that the model takes, on the same bytes where it is that type. Programs that write arrays have
 * types of their own (numpy's float64, its int32 on Windows, masks of bool): integers are taken wherever they fit, floats rounded to
 * the input's type. Integers for floats are refused: whether 255 means 1 the file does not tell.
 */
export function fitValues(row: Tensor, dtype: DType, fail: Fail): Tensor {
  if (row.dtype === dtype) return row;
  const data =
    INTEGERS.has(row.dtype) && INTEGERS.has(dtype) ? fitIntegers(row, dtype, fail) : fitFloats(row, dtype);
  if (data !== undefined) return { dtype, shape: row.shape, data };
  const hint = INTEGERS.has(row.dtype)
    ? "; convert and scale it as for training, since the file does not say what its integers mean"
    : "";
  return fail(`expected ${dtype} but received ${row.dtype}${hint}`);
}

function fitIntegers({ shape, data }: Tensor, dtype: DType, fail: Fail): TypedArray {
  const bits = dtype === "bool" ? 1 : bitsPerElement(dtype);
  const wrapped = /^(u|bool)/.test(dtype) ? BigInt.asUintN : BigInt.asIntN;
  const fitted = viewAs(dtype, new Uint8Array(byteCount(dtype, shape)));
  const isWide = fitted instanceof BigInt64Array || fitted instanceof BigUint64Array;
  for (let i = 0; i < data.length; i++) {
    const value = BigInt(data[i]!);
    if (wrapped(bits, value) !== value) fail(`expected ${dtype} but received ${value}`);
    fitted[i] = isWide ? value : Number(value);
  }
  return fitted;
}

function fitFloats({ dtype: from, data }: Tensor, to: DType): TypedArray | undefined {
  const floats = toFloat32(data, from);
  if (floats === undefined) return undefined;
  if (to === "float32") return floats;
  if (to === "float64") return Float64Array.from(floats);
  return to === "float16" ? float32ToFloat16(floats) : undefined;
}

function toFloat32(data: TypedArray, dtype: DType): Float32Array | undefined {
  if (dtype === "float32") return data as Float32Array;
  if (dtype === "float64") return Float32Array.from(data as Float64Array);
  if (dtype === "float16") return float16ToFloat32(data as Uint16Array);
  return dtype === "bfloat16" ? bfloat16ToFloat32(data as Uint16Array) : undefined;
}
