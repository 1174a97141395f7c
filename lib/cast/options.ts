import type { CallOptions } from "../call.js";

export interface CastOptions<Out extends ArrayBufferView> extends CallOptions {
  /** Where the result goes: as long as x, apart from it in memory, possibly a subarray. Default: a new array. */
  out?: Out | undefined;
}
