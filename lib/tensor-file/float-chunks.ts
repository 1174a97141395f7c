import { bfloat16ToFloat32 } from "../cast/bfloat16-to-float32.js";
import { float16ToFloat32 } from "../cast/float16-to-float32.js";
import { dequantizeGguf } from "../quantize/dequantize-gguf.js";
import { GGUF_BLOCK_VALUES, type GgufBlockType, ggufBlockBytes } from "../quantize/gguf-block.js";
import type { TypedArray } from "../tensor.js";
import type { StoredTensor } from "./tensor-file.js";

/** Whole blocks, and few enough that what is read and what is made of it stay in the cache. */
const CHUNK_VALUES = 1 << 18;

/** The values of `data` from `begin` to `end` as float32: a view, or in `out`, which is as long. */
type ToFloat32 = (data: TypedArray, begin: number, end: number, out: Float32Array) => Float32Array;

const dequantize =
  (type: GgufBlockType): ToFloat32 =>
  (data, begin, end, out) => {
    const bytes = ggufBlockBytes(type) / GGUF_BLOCK_VALUES;
    return dequantizeGguf((data as Uint8Array).subarray(begin * bytes, end * bytes), { type, out });
  };

const TO_FLOAT32: Readonly<Record<string, ToFloat32>> = {
  float32: (data, begin, end) => (data as Float32Array).subarray(begin, end),
  float16: (data, begin, end, out) => float16ToFloat32((data as Uint16Array).subarray(begin, end), { out }),
  bfloat16: (data, begin, end, out) => bfloat16ToFloat32((data as Uint16Array).subarray(begin, end), { out }),
  float64(data, begin, end, out) {
    out.set((data as Float64Array).subarray(begin, end));
    return out;
  },
  Q8_0: dequantize("Q8_0"),
  Q4_0: dequantize("Q4_0"),
};

/** True where the values of a tensor are floats, or stand for floats. */
export function hasFloats({ type }: Pick<StoredTensor, "type">): boolean {
  return Object.hasOwn(TO_FLOAT32, type);
}

/**
 * The values of a tensor of floats or of blocks as float32, part by part with where each begins. A part holds until the next is
 * made; float64 is rounded.
 */
export function* floatChunks({ type, load }: StoredTensor, count: number): Generator<[Float32Array, number]> {
  const toFloat32 = TO_FLOAT32[type]!;
  const data = load();
  const buffer = new Float32Array(Math.min(count, CHUNK_VALUES));
  for (let begin = 0; begin < count; begin += CHUNK_VALUES) {
    const end = Math.min(begin + CHUNK_VALUES, count);
    yield [toFloat32(data, begin, end, buffer.subarray(0, end - begin)), begin];
  }
}
