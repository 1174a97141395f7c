import type { NarrowArray } from "../operations/element-types.js";
import { unpackBitmask } from "../sparse/unpack-bitmask.js";
import type { TypedArray } from "../tensor.js";
import type { BitmaskForm } from "./bitmask-form.js";

/**
 * Puts the values of a weight back between its zeros.
 *
 * @param load the data of a tensor of the weight, by what it is: "bitmask"
 * @param invalid what to throw where not every bit has its value
 */
export function unpackWeight(
  { shape }: BitmaskForm,
  load: (parameter: string) => TypedArray,
  out: TypedArray,
  invalid: (message: string) => Error,
): void {
  const values = load("compressed") as NarrowArray;
  const bitmask = load("bitmask") as Uint8Array;
  try {
    unpackBitmask({ values, bitmask, shape }, { out: out as NarrowArray });
  } catch (error) {
    if (error instanceof RangeError) throw invalid(error.message);
    throw error;
  }
}
