import type { Execution } from "./execution.js";

export interface GgufOperations<Result> {
  /** 32 values become a block of ggml's type: 34 bytes for Q8_0, 18 for Q4_0. */
  quantizeGgufQ8_0(x: Float32Array, y: Uint8Array, ...execution: Execution): Result;
  quantizeGgufQ4_0(x: Float32Array, y: Uint8Array, ...execution: Execution): Result;

  /** A block of ggml's type becomes 32 values. A NaN in y has the bits 0x7fc00000. */
  dequantizeGgufQ8_0(x: Uint8Array, y: Float32Array, ...execution: Execution): Result;
  dequantizeGgufQ4_0(x: Uint8Array, y: Float32Array, ...execution: Execution): Result;
}
