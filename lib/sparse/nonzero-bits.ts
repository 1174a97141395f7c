import type { Call } from "../call.js";
import type { NarrowArray } from "../operations/element-types.js";
import { requireNarrow } from "./narrow-array.js";

/** How many elements have a bit set that is also set in `mask`. */
export function nonzeroBits(x: NarrowArray, mask = 0xffffffff): Call<number> {
  requireNarrow(x, "x");
  const count = new Float64Array(1);
  return {
    elements: x.length,
    jsUpTo: 384,
    arrays: [x],
    run: (operations, ...execution) => operations.countNonzero(x, mask, count, ...execution),
    result: () => count[0]!,
  };
}

/** The bitmask of packBitmask alone. */
export function fillBitmask(x: NarrowArray, columns: number, bitmask: Uint8Array): Call<void> {
  const none = x.subarray(0, 0);
  const count = new Float64Array(1);
  return {
    elements: x.length,
    jsUpTo: 192,
    arrays: [x, bitmask],
    run: (operations, ...execution) => operations.packBitmask(x, bitmask, none, columns, count, ...execution),
    result() {},
  };
}
