import type { Execution } from "./execution.js";

export interface CastOperations<Result> {
  /**
   * Rounds to nearest, ties to even; too large becomes infinite. Either way a NaN keeps its sign and the upper bits of its payload
   * and comes out quiet. The Uint16Array holds the bits.
   */
  float32ToFloat16(x: Float32Array, y: Uint16Array, ...execution: Execution): Result;
  float16ToFloat32(x: Uint16Array, y: Float32Array, ...execution: Execution): Result;
  float32ToBfloat16(x: Float32Array, y: Uint16Array, ...execution: Execution): Result;
  bfloat16ToFloat32(x: Uint16Array, y: Float32Array, ...execution: Execution): Result;
}
