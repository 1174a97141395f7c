import { runCall } from "../call.js";
import type { NarrowArray } from "../operations/element-types.js";
import { fillBitmask, nonzeroBits } from "../sparse/nonzero-bits.js";
import { packBitmask } from "../sparse/pack-bitmask.js";
import { byteCount, type DeferredTensor, type DType, type TypedArray } from "../tensor.js";

/** What the tensors of a weight without its zeros are called, after the name of its layer and a dot. */
export type BitmaskParameter = "shape" | "compressed" | "bitmask" | "row_offsets";

/** A matrix whose values can be looked at as often as needed. */
export interface Matrix {
  readonly dtype: DType;
  readonly shape: readonly [rows: number, cols: number];
  load(): TypedArray;
}

export interface PackedWeight {
  readonly parts: Readonly<Record<BitmaskParameter, DeferredTensor>>;
  /** Bytes of all parts. */
  readonly byteLength: number;
  /** How many values are not zero. */
  readonly stored: number;
}

/**
 * The tensors that the convention stores for a weight without its zeros, by name. Values are counted now and looked at again when
 * the turn of a tensor comes. Zero is +0 alone: -0 and NaN are stored, and all comes back bit for bit.
 *
 * @param invalid what to throw where the values have changed when their turn comes
 */
export function packWeight(
  { dtype, shape, load }: Matrix,
  invalid: (message: string) => Error,
): PackedWeight {
  const [rows, cols] = shape;
  const rowBytes = Math.ceil(cols / 8);
  const narrow = () => load() as NarrowArray;
  const offsets = rowOffsets(narrow(), rows, cols);
  const stored = offsets[rows]!;
  const parts: PackedWeight["parts"] = {
    shape: {
      dtype: "int64",
      shape: [2],
      fill: (data) => (data as BigInt64Array).set(shape.map(BigInt)),
    },
    compressed: {
      dtype,
      shape: [stored],
      fill(data) {
        const out = { values: data as NarrowArray, bitmask: new Uint8Array(rows * rowBytes) };
        if (packBitmask(narrow(), { shape, out }).values.length < stored)
          throw invalid("its values change while they are read");
      },
    },
    bitmask: {
      dtype: "uint8",
      shape: [rows, rowBytes],
      fill: (data) => runCall(fillBitmask(narrow(), cols, data as Uint8Array), {}),
    },
    row_offsets: {
      dtype: "int64",
      shape: [rows],
      fill(data) {
        const out = data as BigInt64Array;
        for (let row = 0; row < rows; row++) out[row] = BigInt(offsets[row]!);
      },
    },
  };
  let byteLength = 0;
  for (const part of Object.values(parts)) byteLength += byteCount(part.dtype, part.shape);
  return { parts, byteLength, stored };
}

/** How many values come before each row, and after the last one how many there are. */
function rowOffsets(x: NarrowArray, rows: number, cols: number): Float64Array {
  const offsets = new Float64Array(rows + 1);
  for (let row = 0; row < rows; row++)
    offsets[row + 1] =
      offsets[row]! + runCall(nonzeroBits(x.subarray(row * cols, (row + 1) * cols)), { threads: 1 });
  return offsets;
}
