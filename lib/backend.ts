import type { TypedArray } from "./tensor.js";

/** Arrays that hold quantized values; of 4 bits, two to a byte of a Uint8Array. */
export type QuantizedArray = Int8Array | Uint8Array | Int16Array | Uint16Array;

/** Arrays that hold floats: float32, or the bits of 16-bit floats. */
export type FloatArray = Float32Array | Uint16Array;

/** Arrays of elements of 1, 2 or 4 bytes. */
export type NarrowArray =
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** How methods are told what elements an array has: an array alone does not say. The numbers are ONNX's. */
export const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  float16: 10,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
} as const;

/** A value of ELEMENT_TYPES. */
export type ElementType = (typeof ELEMENT_TYPES)[keyof typeof ELEMENT_TYPES];

/**
 * How a call runs: how many threads may work on it (left out or 0, its size decides), and one int32 that stops an asynchronous call
 * soon after it is set to anything but 0.
 */
export type Execution = [threads?: number, cancel?: Int32Array];

/**
 * Every operation. Methods check no values, that is done by the functions that call them: arrays must have the lengths stated here
 * and must not overlap.
 *
 * A per-axis method sees `x` as [outer, channels, inner]: `channels` is the length of the parameter arrays, and `inner` is the
 * number of elements from one channel to the next. A blocked method sees it as [outer, size, inner], and the parameter arrays as
 * [outer, ceil(size / block), inner].
 */
export interface Operations<Result> {
  /** Sets range to [min, max] of x. A NaN anywhere makes both NaN; zeros come out as +0. */
  minMax(x: Float32Array, range: Float32Array, ...execution: Execution): Result;
  /** The same for each channel. */
  minMaxPerAxis(
    x: Float32Array,
    mins: Float32Array,
    maxs: Float32Array,
    inner: number,
    ...execution: Execution
  ): Result;

  /**
   * Sets range to [min, max] of the values of x that are not NaN, zeros as +0, and counts to [zeros, NaNs]. Where there is no such
   * value, min is the largest of the type (infinity, where it has that) and max the smallest. range has the type of x.
   */
  summarize(x: TypedArray, range: TypedArray, counts: Float64Array, ...execution: Execution): Result;

  /**
   * y[i] = saturate(roundHalfEven(x[i] / scale) + zeroPoint); NaN gives the smallest value of y's type. 4-bit values lie two to a
   * byte, the first in the low half; the high half after an odd number of them is 0.
   */
  quantizeLinear(
    x: FloatArray,
    xType: ElementType,
    y: QuantizedArray,
    yType: ElementType,
    scale: number,
    zeroPoint: number,
    ...execution: Execution
  ): Result;
  quantizeLinearPerAxis(
    x: FloatArray,
    xType: ElementType,
    y: QuantizedArray,
    yType: ElementType,
    scales: Float32Array,
    zeroPoints: Int32Array,
    inner: number,
    ...execution: Execution
  ): Result;
  quantizeLinearBlocked(
    x: FloatArray,
    xType: ElementType,
    y: QuantizedArray,
    yType: ElementType,
    scales: Float32Array,
    zeroPoints: Int32Array,
    size: number,
    inner: number,
    block: number,
    ...execution: Execution
  ): Result;

  /** y[i] = float32(x[i] - zeroPoint) * scale, rounded once more where y has 16 bits; the zero point of int32 is 0. */
  dequantizeLinear(
    x: QuantizedArray | Int32Array,
    xType: ElementType,
    y: FloatArray,
    yType: ElementType,
    scale: number,
    zeroPoint: number,
    ...execution: Execution
  ): Result;
  dequantizeLinearPerAxis(
    x: QuantizedArray | Int32Array,
    xType: ElementType,
    y: FloatArray,
    yType: ElementType,
    scales: Float32Array,
    zeroPoints: Int32Array,
    inner: number,
    ...execution: Execution
  ): Result;
  dequantizeLinearBlocked(
    x: QuantizedArray | Int32Array,
    xType: ElementType,
    y: FloatArray,
    yType: ElementType,
    scales: Float32Array,
    zeroPoints: Int32Array,
    size: number,
    inner: number,
    block: number,
    ...execution: Execution
  ): Result;

  /**
   * quantizeLinear with the scale and zero point of x's own range, widened to hold 0. params becomes [min, max, scale, zero point];
   * where min and max are further apart than float32 can tell, or one is not finite, y stays as it is.
   */
  dynamicQuantizeLinear(
    x: Float32Array,
    y: Uint8Array,
    params: Float32Array,
    ...execution: Execution
  ): Result;

  /**
   * Rounds to nearest, ties to even; too large becomes infinite. Either way a NaN keeps its sign and the upper bits of its payload
   * and comes out quiet. The Uint16Array holds the bits.
   */
  float32ToFloat16(x: Float32Array, y: Uint16Array, ...execution: Execution): Result;
  float16ToFloat32(x: Uint16Array, y: Float32Array, ...execution: Execution): Result;
  float32ToBfloat16(x: Float32Array, y: Uint16Array, ...execution: Execution): Result;
  bfloat16ToFloat32(x: Uint16Array, y: Float32Array, ...execution: Execution): Result;
  /** 32 values become a block of ggml's type: 34 bytes for Q8_0, 18 for Q4_0. */
  quantizeGgufQ8_0(x: Float32Array, y: Uint8Array, ...execution: Execution): Result;
  quantizeGgufQ4_0(x: Float32Array, y: Uint8Array, ...execution: Execution): Result;
  /** A block of ggml's type becomes 32 values. A NaN in y has the bits 0x7fc00000. */
  dequantizeGgufQ8_0(x: Uint8Array, y: Float32Array, ...execution: Execution): Result;
  dequantizeGgufQ4_0(x: Uint8Array, y: Float32Array, ...execution: Execution): Result;

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

  /**
   * Sets counts to the number of values in each of counts.length bins of equal width from min to max, by the rule of
   * numpy.histogram: the edge left of bin i is float32(i * step + min); the last bin holds max too. NaN and what lies outside is
   * not counted. Edges rise, and max - min is a finite float32.
   */
  histogram(x: Float32Array, min: number, max: number, counts: Float64Array, ...execution: Execution): Result;

  /**
   * Sets result[0] to the k-th smallest magnitude of all arrays together, k from 1 on: of the bits of float32 without the sign, so that
   * every NaN is above infinity.
   */
  magnitudeThreshold(
    x: readonly Float32Array[],
    k: number,
    result: Float32Array,
    ...execution: Execution
  ): Result;

  /**
   * y = x with 0 in place of all but the `keep` largest magnitudes of each `of` neighbours, 2 to 64, along the middle of x as
   * [outer, size, inner]; of equals the first go. y may be x.
   */
  pruneNM(
    x: Float32Array,
    y: Float32Array,
    keep: number,
    of: number,
    inner: number,
    ...execution: Execution
  ): Result;

  /**
   * y = x, rows of `columns` elements, with 0 in place of the k blocks of blockRows x blockColumns whose elements have the smallest mean
   * magnitude (order 1) or square (order 2); of equals the first in row-major order go, and NaN is above infinity. Blocks at the ends
   * may be smaller. A block's sum is that of its rows, one after the other, in float64; a row's has 16 sums that take its elements in
   * turn, and are then added by halves, the second to the first. y may be x.
   */
  pruneBlocks(
    x: Float32Array,
    y: Float32Array,
    columns: number,
    blockRows: number,
    blockColumns: number,
    k: number,
    order: number,
    ...execution: Execution
  ): Result;

  /**
   * Sets norms to the sums of magnitudes (order 1), or the roots of the sums of squares (order 2), of the channels of x as [outer, channels,
   * inner], in float64: the sums of the runs of a channel, one after the other. A run, or each piece of 2^16 elements of one, is summed as
   * a row of pruneBlocks. A NaN has the bits 0x7ff8000000000000.
   */
  channelNorms(
    x: Float32Array,
    norms: Float64Array,
    inner: number,
    order: number,
    ...execution: Execution
  ): Result;

  /** y = x with 0 in place of the k smallest magnitudes; of equals the first go. Each array of y may be the one of x. */
  pruneMagnitude(
    x: readonly Float32Array[],
    y: readonly Float32Array[],
    k: number,
    ...execution: Execution
  ): Result;
  /** The same for every magnitude up to threshold, a float32. */
  pruneToThreshold(
    x: readonly Float32Array[],
    y: readonly Float32Array[],
    threshold: number,
    ...execution: Execution
  ): Result;

  /** Sets count[0] to how many elements of x have a bit of mask set. */
  countNonzero(x: NarrowArray, mask: number, count: Float64Array, ...execution: Execution): Result;

  /** Sets offsets, one more than x has rows, to how many elements of which any bit is set come before each, and are there in all. */
  csrOffsets(x: Float32Array, columns: number, offsets: Int32Array, ...execution: Execution): Result;
  /** values gets these elements and indices their columns, between the offsets of their row. */
  toCsr(
    x: Float32Array,
    columns: number,
    values: Float32Array,
    indices: Int32Array,
    offsets: Int32Array,
    ...execution: Execution
  ): Result;
  /**
   * The way back. problem[0] becomes -1, or the first row whose columns do not rise from 0 to below `columns`: then y stays as it is.
   * Offsets rise from 0 to the length of values.
   */
  fromCsr(
    values: Float32Array,
    indices: Int32Array,
    offsets: Int32Array,
    y: Float32Array,
    columns: number,
    problem: Float64Array,
    ...execution: Execution
  ): Result;

  /**
   * Takes x, rows of `columns` elements, apart: values gets the elements of which any bit is set, one after the other, and bit i % 8 of
   * byte i / 8 of each row of bitmask, whole bytes for every row, says whether its element i is there. count[0] becomes how many they
   * are, and of them as many are stored as values has room for. What is after them in values is left open.
   */
  packBitmask<X extends NarrowArray>(
    x: X,
    bitmask: Uint8Array,
    values: X,
    columns: number,
    count: Float64Array,
    ...execution: Execution
  ): Result;
  /** The way back. count[0] becomes how many bits are set; where that is not the length of values, just that. */
  unpackBitmask<X extends NarrowArray>(
    bitmask: Uint8Array,
    values: X,
    y: X,
    columns: number,
    count: Float64Array,
    ...execution: Execution
  ): Result;

  /**
   * Adds to the upper triangle of gram, columns x columns, the products of every two columns of x, row after row in float64. A NaN
   * has the bits 0x7ff8000000000000.
   */
  accumulateGram(x: Float32Array, gram: Float64Array, columns: number, ...execution: Execution): Result;

  /**
   * Adds to products, outputs x columns, the products of every column of y with every one of x, row after row in float64. A NaN has
   * the bits 0x7ff8000000000000.
   */
  accumulateProducts(
    x: Float32Array,
    y: Float32Array,
    products: Float64Array,
    columns: number,
    ...execution: Execution
  ): Result;

  /**
   * Replaces the lower triangle of a, n x n and positive definite, by the M with M^T M = a, begun at the last row, in
   * float64. For another a the result is left open.
   */
  reversedCholesky(a: Float64Array, n: number, ...execution: Execution): Result;

  /**
   * Rounds the rows of w to steps in min..max, columns in the given order, each after what the errors of those before it
   * ask of it: (w + sum of m[i][j] * error[j] / m[i][i]) / scale + zero point. One scale and zero point for every `block`
   * columns of a row. All in float64; NaN becomes min, 0 stays 0; a step is stored as its lowest 8 bits.
   */
  compensateRounding(
    w: Float32Array,
    steps: Uint8Array,
    m: Float64Array,
    order: Int32Array,
    scales: Float32Array,
    zeroPoints: Int32Array,
    block: number,
    min: number,
    max: number,
    ...execution: Execution
  ): Result;

  /**
   * For each row of w, n columns wide, the solution of A w = products in the columns whose kept is not 0, and 0 in the others: A is
   * the symmetric matrix whose upper triangle gram holds, without the other columns. As reversedCholesky and two substitutions
   * have it, in float64.
   */
  fitKept(
    gram: Float64Array,
    products: Float64Array,
    kept: Uint8Array,
    w: Float32Array,
    n: number,
    ...execution: Execution
  ): Result;

  /**
   * Prunes the rows of w, groups of `of` columns in the given order: each weight is first moved by what the errors of those before
   * it ask of it, w + sum of m[i][j] * error[j] / m[i][i]. What then costs at most threshold, (weight * m[i][i])^2, goes, and so do
   * all but the `keep` that cost most in a group; kept says what went, and what goes whatever it costs. All in float64.
   */
  compensatePruning(
    w: Float32Array,
    kept: Uint8Array,
    pruned: Float32Array,
    costs: Float32Array,
    m: Float64Array,
    order: Int32Array,
    threshold: number,
    keep: number,
    of: number,
    ...execution: Execution
  ): Result;
}

/**
 * One implementation of every operation. Plain JavaScript and each CPU instruction set have this shape and give the same bits for
 * every input.
 */
export interface Backend extends Operations<void> {
  readonly name: string;
  /**
   * The same operations off the event loop. Until the promise settles the arrays must stay as they are: not written, not
   * transferred, not shrunk. Plain JavaScript has no other thread to use, and works on this one a turn later.
   */
  readonly async: Operations<Promise<void>>;
}
