import { requireShape } from "../axis.js";
import { requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import type { NarrowArray } from "../operations/element-types.js";
import { requireNarrow, requireTypeOf, typeOf } from "./narrow-array.js";
import { nonzeroBits } from "./nonzero-bits.js";

/** An array without its zeros. */
export interface Bitmask<X extends NarrowArray = NarrowArray> {
  /** What is not zero, in order. */
  values: X;
  /** For every row whole bytes, whose bits say which of its elements these are: the first in the lowest bit of the first byte. */
  bitmask: Uint8Array;
}

export interface PackBitmaskOptions<X extends NarrowArray = NarrowArray> extends CallOptions {
  /** Sizes of x, outermost first; rows lie along the last axis. Default: x is one row. */
  shape?: readonly number[] | undefined;
  /**
   * Where the result goes, apart from x in memory: a bitmask of its size, and values with room for all that are not zero, of which those
   * at the front are used and the rest is left undefined. Default: new arrays, for which values that are not zero are counted first.
   */
  out?: Bitmask<X> | undefined;
}

/**
 * Takes x apart into its values that are not zero and a bit for each element that says where they were: the `compressed` and `bitmask` of
 * the sparse-bitmask format of the compressed-tensors convention (https://github.com/vllm-project/compressed-tensors). The bitmask of a
 * shape [..., columns] has ceil(columns / 8) bytes for every row; bits after the last column are 0.
 *
 * Zero is an element of which every bit is 0. So of floats -0 is kept as a value, and NaN too, and unpackBitmask brings everything
 * back bit for bit. Floats of 16 bits come as their bits in a Uint16Array.
 *
 * @example
 * const { values, bitmask } = packBitmask(weights, { shape: [4096, 4096] });
 * const same = unpackBitmask({ values, bitmask, shape: [4096, 4096] });
 *
 * @throws TypeError if x has no elements of 1, 2 or 4 bytes or is detached, or an option is of the wrong kind.
 * @throws RangeError if shape, out or backend do not fit. Where just the room for values is too small, `out` holds those that fit.
 */
export function packBitmask<X extends NarrowArray>(x: X, options: PackBitmaskOptions<X> = {}): Bitmask<X> {
  const values = options.out?.values ?? new (typeOf(requireInput(x)))(runCall(nonzeroBits(x), options));
  return runCall(prepare(x, options, values), options);
}

/** packBitmask off the event loop; leave the arrays as they are until the promise settles. */
export async function packBitmaskAsync<X extends NarrowArray>(
  x: X,
  options: PackBitmaskOptions<X> & AsyncCallOptions = {},
): Promise<Bitmask<X>> {
  const values =
    options.out?.values ?? new (typeOf(requireInput(x)))(await runCallAsync(() => nonzeroBits(x), options));
  return runCallAsync(() => prepare(x, options, values), options);
}

function requireInput<X extends NarrowArray>(x: X): X {
  requireNarrow(x, "x");
  return x;
}

function prepare<X extends NarrowArray>(
  x: X,
  { shape, out }: PackBitmaskOptions<X>,
  values: X,
): Call<Bitmask<X>> {
  requireNarrow(x, "x");
  const { columns, bytes } = bitmaskSize(shape ?? [x.length], x.length);
  requireTypeOf(values, x, "out.values");
  const bitmask = out?.bitmask ?? new Uint8Array(bytes);
  if (!(bitmask instanceof Uint8Array)) throw wrongType("a Uint8Array", "out.bitmask", bitmask);
  requireOutput(values, values.length, x, "out.values");
  requireOutput(bitmask, bytes, x, "out.bitmask");
  requireOutput(bitmask, bytes, values, "out.bitmask");
  const count = new Float64Array(1);
  return {
    elements: x.length,
    jsUpTo: 192,
    arrays: [x, values, bitmask],
    run: (operations, ...execution) =>
      operations.packBitmask(x, bitmask, values, columns, count, ...execution),
    result() {
      const stored = count[0]!;
      if (stored > values.length)
        throw outOfRange(`room for ${stored} values`, "out.values", `length ${values.length}`);
      return { values: stored === values.length ? values : (values.subarray(0, stored) as X), bitmask };
    },
  };
}

/**
 * The columns of a shape and how many bytes its bitmask has.
 *
 * @throws TypeError or RangeError unless `shape` is a list of sizes with `length` elements in all.
 */
export function bitmaskSize(shape: readonly number[], length: number): { columns: number; bytes: number } {
  requireShape(shape, length);
  const columns = Math.max(1, shape.at(-1) ?? 1);
  return { columns, bytes: (length / columns) * Math.ceil(columns / 8) };
}
