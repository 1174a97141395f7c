import { float32ToBfloat16 } from "../cast/float32-to-bfloat16.js";
import { float32ToFloat16 } from "../cast/float32-to-float16.js";
import { minMax } from "../minmax/min-max.js";
import { summarize } from "../minmax/summarize.js";
import { GGUF_BLOCK_VALUES, type GgufBlockType, ggufBlockBytes } from "../quantize/gguf-block.js";
import { quantizeGguf } from "../quantize/quantize-gguf.js";
import { byteCount, type DType, elementCount, type Fill, type TypedArray } from "../tensor.js";
import { floatChunks, hasFloats } from "../tensor-file/float-chunks.js";
import type { StoredTensor } from "../tensor-file/tensor-file.js";

/** What values can be converted to. */
export const TARGET_TYPES = ["float32", "float16", "bfloat16", "Q8_0", "Q4_0"] as const;
export type TargetType = (typeof TARGET_TYPES)[number];

/** A tensor on its way into another file. */
export interface OutgoingTensor {
  readonly dtype: DType | undefined;
  readonly type: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Absent where the stored bytes are what is written. */
  readonly fill?: Fill;
  load(): TypedArray;
}

export interface Casting {
  /** Told the largest magnitude of values that are beyond the new type and became infinite. */
  onOverflow(largest: number): void;
}

interface TargetRule {
  readonly dtype: DType | undefined;
  /** From here on a value is rounded to infinity; halfway beyond the largest of the type. */
  readonly overflow: number;
  put(values: Float32Array, out: TypedArray, at: number): void;
}

const blocks = (type: GgufBlockType): TargetRule => ({
  dtype: undefined,
  overflow: Number.POSITIVE_INFINITY,
  put(values, out, at) {
    const bytes = ggufBlockBytes(type) / GGUF_BLOCK_VALUES;
    quantizeGguf(values, {
      type,
      out: (out as Uint8Array).subarray(at * bytes, (at + values.length) * bytes),
    });
  },
});

const TARGETS: Readonly<Record<TargetType, TargetRule>> = {
  float32: {
    dtype: "float32",
    overflow: Number.POSITIVE_INFINITY,
    put: (values, out, at) => (out as Float32Array).set(values, at),
  },
  float16: {
    dtype: "float16",
    overflow: 65520,
    put: (values, out, at) =>
      void float32ToFloat16(values, { out: (out as Uint16Array).subarray(at, at + values.length) }),
  },
  bfloat16: {
    dtype: "bfloat16",
    overflow: 2 ** 128 - 2 ** 119,
    put: (values, out, at) =>
      void float32ToBfloat16(values, { out: (out as Uint16Array).subarray(at, at + values.length) }),
  },
  Q8_0: blocks("Q8_0"),
  Q4_0: blocks("Q4_0"),
};

/** Wider floats are rounded to float32 first. */
const FLOAT32_OVERFLOW = 2 ** 128 - 2 ** 103;

/**
 * The tensor in another type; itself where it has that type, holds no floats, or is none of those that are stored in blocks:
 * matrices whose rows are whole blocks. Values are made when they are asked for.
 */
export function castTensor(
  stored: StoredTensor,
  target: TargetType | undefined,
  casting: Casting,
): OutgoingTensor {
  const { shape } = stored;
  if (target === undefined || stored.type === target || !hasFloats(stored)) return stored;
  const rule = TARGETS[target];
  if (rule.dtype === undefined && !fitsBlocks(shape)) return stored;
  const count = elementCount(shape);
  const byteLength = rule.dtype
    ? byteCount(rule.dtype, shape)
    : (count / GGUF_BLOCK_VALUES) * ggufBlockBytes(target);
  const fill: Fill = (out) => {
    if (stored.type === "float64" && count > 0) {
      const values = stored.load() as Float64Array;
      report(largestFinite(values, summarize(values)), FLOAT32_OVERFLOW, casting);
    }
    for (const [values, at] of floatChunks(stored, count)) {
      rule.put(values, out, at);
      if (Number.isFinite(rule.overflow))
        report(largestFinite(values, minMax(values)), rule.overflow, casting);
    }
  };
  const load = () => {
    const made = rule.dtype === undefined ? new Uint8Array(byteLength) : arrayFor(rule.dtype, count);
    fill(made);
    return made;
  };
  return { dtype: rule.dtype, type: target, shape, byteLength, fill, load };
}

function report(largest: number, overflow: number, { onOverflow }: Casting): void {
  if (largest >= overflow) onOverflow(largest);
}

/** The largest magnitude but for infinity, which is no loss where it was before, and NaN; the range hides others behind these. */
function largestFinite(
  values: Float32Array | Float64Array,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const largest = Math.max(max, -min);
  if (Number.isFinite(largest)) return largest;
  let finite = 0;
  for (const value of values) {
    const magnitude = Math.abs(value);
    if (magnitude > finite && magnitude < Number.POSITIVE_INFINITY) finite = magnitude;
  }
  return finite;
}

function fitsBlocks(shape: readonly number[]): boolean {
  return shape.length >= 2 && shape.at(-1)! % GGUF_BLOCK_VALUES === 0;
}

function arrayFor(dtype: DType, count: number): TypedArray {
  return dtype === "float32" ? new Float32Array(count) : new Uint16Array(count);
}
