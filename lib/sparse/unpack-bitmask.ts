import { requireAttached, requireOutput } from "../buffers.js";
import { type AsyncCallOptions, type Call, type CallOptions, runCall, runCallAsync } from "../call.js";
import { outOfRange, wrongType } from "../errors.js";
import type { NarrowArray } from "../operations/element-types.js";
import { requireNarrow, requireTypeOf, typeOf } from "./narrow-array.js";
import { type Bitmask, bitmaskSize } from "./pack-bitmask.js";

/** What packBitmask made, and of what size the array was. */
export type PackedBitmask<X extends NarrowArray = NarrowArray> = Bitmask<X> &
  (
    | {
        /** How many elements there were, of one row. */
        length: number;
        shape?: undefined;
      }
    | {
        length?: undefined;
        /** Sizes, outermost first; rows lie along the last axis. */
        shape: readonly number[];
      }
  );

export interface UnpackBitmaskOptions<X extends NarrowArray = NarrowArray> extends CallOptions {
  /** Where the result goes: of its length, apart in memory from what it comes from. Default: a new array. */
  out?: X | undefined;
}

/**
 * Puts the values of packBitmask, or of a weight in the sparse-bitmask format of the compressed-tensors convention, back where the bits
 * say, with +0 everywhere else. Bits after the last column of a row mean nothing.
 *
 * @throws TypeError if values has no elements of 1, 2 or 4 bytes, an array is detached, or an argument is of the wrong kind.
 * @throws RangeError if shape and bitmask do not fit each other, another number of bits is set than there are values, or out or backend do
 *   not fit; nothing is written then.
 */
export function unpackBitmask<X extends NarrowArray>(
  packed: PackedBitmask<X>,
  options: UnpackBitmaskOptions<X> = {},
): X {
  return runCall(prepare(packed, options), options);
}

/** unpackBitmask off the event loop; leave the arrays as they are until the promise settles. */
export function unpackBitmaskAsync<X extends NarrowArray>(
  packed: PackedBitmask<X>,
  options: UnpackBitmaskOptions<X> & AsyncCallOptions = {},
): Promise<X> {
  return runCallAsync(() => prepare(packed, options), options);
}

function prepare<X extends NarrowArray>(
  { values, bitmask, length, shape }: PackedBitmask<X>,
  { out }: UnpackBitmaskOptions<X>,
): Call<X> {
  requireNarrow(values, "values");
  if (!(bitmask instanceof Uint8Array)) throw wrongType("a Uint8Array", "bitmask", bitmask);
  requireAttached(bitmask, "bitmask");
  if ((length === undefined) === (shape === undefined))
    throw outOfRange("given, or length, and not both", "shape", String(shape));
  const sizes = shape ?? [length!];
  if (!Array.isArray(sizes)) throw wrongType("an array of sizes", "shape", sizes);
  const elements = sizes.reduce((product, size) => product * size, 1);
  const { columns, bytes } = bitmaskSize(sizes, elements);
  if (bitmask.length !== bytes) throw outOfRange(`${bytes} bytes`, "bitmask", `${bitmask.length}`);
  const y: X = out ?? new (typeOf(values))(elements);
  requireTypeOf(y, values, "out");
  requireOutput(y, elements, values);
  requireOutput(y, elements, bitmask);
  const count = new Float64Array(1);
  return {
    elements,
    jsUpTo: 96,
    arrays: [values, bitmask, y],
    run: (operations, ...execution) =>
      operations.unpackBitmask(bitmask, values, y, columns, count, ...execution),
    result() {
      if (count[0] !== values.length)
        throw outOfRange(`${count[0]} values, one for each bit that is set,`, "values", `${values.length}`);
      return y;
    },
  };
}
