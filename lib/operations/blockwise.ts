import type { Execution } from "./execution.js";

export interface BlockwiseOperations<Result> {
  /**
   * Quantizes w, [rows, cols] or if transposed [cols, rows], in blocks of rows to 4 or 8 bits, as onnxruntime's MatMulNBits holds them:
   * packed [cols, blocks, blockSize * bits / 8], scales [cols, blocks], zeroPoints [cols, ceil(blocks * bits / 8)] or undefined for
   * 2^(bits-1) everywhere.
   */
  quantizeBlockwise(
    w: Float32Array,
    packed: Uint8Array,
    scales: Float32Array,
    zeroPoints: Uint8Array | undefined,
    rows: number,
    cols: number,
    blockSize: number,
    bits: number,
    transposed: boolean,
    ...execution: Execution
  ): Result;

  /** w = (step - zero point) * scale. A NaN in w has the bits 0x7fc00000. */
  dequantizeBlockwise(
    packed: Uint8Array,
    scales: Float32Array,
    zeroPoints: Uint8Array | undefined,
    w: Float32Array,
    rows: number,
    cols: number,
    blockSize: number,
    bits: number,
    transposed: boolean,
    ...execution: Execution
  ): Result;

  /**
   * Gives the blocks that quantizeBlockwise made of w a scale that fits them better, found by search, and the steps that follow from
   * it; zero points stay.
   */
  fitBlockwise(
    w: Float32Array,
    packed: Uint8Array,
    scales: Float32Array,
    zeroPoints: Uint8Array | undefined,
    rows: number,
    cols: number,
    blockSize: number,
    bits: number,
    transposed: boolean,
    ...execution: Execution
  ): Result;
}
