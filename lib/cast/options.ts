import type { Backend } from "../backend.js";

export interface CastOptions<Out extends ArrayBufferView> {
  /** Where the result goes: as long as x, apart from it in memory, possibly a subarray. Default: a new array. */
  out?: Out | undefined;
  /** A name or an element of backends(); default: the best. */
  backend?: string | Backend | undefined;
}
