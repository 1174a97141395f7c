/** Arrays that hold quantized values; the array's own type chooses the kernel. */
export type QuantizedArray = Int8Array | Uint8Array;

/**
 * One implementation of every operation. Plain JavaScript and each CPU instruction set have this shape and give the same
 * bits for every input. Methods check no values, that is done by the functions that call them: arrays must have the lengths
 * stated here and must not overlap.
 *
 * A per-axis method sees `x` as [outer, channels, inner]: `channels` is the length of the parameter arrays, and `inner` is the
 * number of elements from one channel to the next.
 */
export interface Backend {
  readonly name: string;

  /** Sets range to [min, max] of x. A NaN anywhere makes both NaN; zeros come out as +0. */
  minMax(x: Float32Array, range: Float32Array): void;
  /** The same for each channel. */
  minMaxPerAxis(x: Float32Array, mins: Float32Array, maxs: Float32Array, inner: number): void;

  /** y[i] = saturate(roundHalfEven(x[i] / scale) + zeroPoint); NaN gives the smallest value of y's type. */
  quantizeLinear(x: Float32Array, y: QuantizedArray, scale: number, zeroPoint: number): void;
  quantizeLinearPerAxis(
    x: Float32Array,
    y: QuantizedArray,
    scales: Float32Array,
    zeroPoints: Int32Array,
    inner: number,
  ): void;

  /** y[i] = float32(x[i] - zeroPoint) * scale; the zero point of int32 is 0. */
  dequantizeLinear(x: QuantizedArray | Int32Array, y: Float32Array, scale: number, zeroPoint: number): void;
  dequantizeLinearPerAxis(
    x: QuantizedArray | Int32Array,
    y: Float32Array,
    scales: Float32Array,
    zeroPoints: Int32Array,
    inner: number,
  ): void;

  /**
   * Rounds to nearest, ties to even; too large becomes infinite. Either way a NaN keeps its sign and the upper bits of its payload
   * and comes out quiet. The Uint16Array holds the bits.
   */
  float32ToFloat16(x: Float32Array, y: Uint16Array): void;
  float16ToFloat32(x: Uint16Array, y: Float32Array): void;
  float32ToBfloat16(x: Float32Array, y: Uint16Array): void;
  bfloat16ToFloat32(x: Uint16Array, y: Float32Array): void;
  /** 32 values become a block of ggml's type: 34 bytes for Q8_0, 18 for Q4_0. */
  quantizeGgufQ8_0(x: Float32Array, y: Uint8Array): void;
  quantizeGgufQ4_0(x: Float32Array, y: Uint8Array): void;
  /** A block of ggml's type becomes 32 values. A NaN in y has the bits 0x7fc00000. */
  dequantizeGgufQ8_0(x: Uint8Array, y: Float32Array): void;
  dequantizeGgufQ4_0(x: Uint8Array, y: Float32Array): void;

  /**
   * Sets counts to the number of values in each of counts.length bins of equal width from min to max, by the rule of
   * numpy.histogram: the edge left of bin i is float32(i * step + min); the last bin holds max too. NaN and what lies outside is
   * not counted. Edges rise, and max - min is a finite float32.
   */
  histogram(x: Float32Array, min: number, max: number, counts: Float64Array): void;
}
