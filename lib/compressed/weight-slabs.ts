import { bfloat16ToFloat32 } from "../cast/bfloat16-to-float32.js";
import { float16ToFloat32 } from "../cast/float16-to-float32.js";
import { float32ToBfloat16 } from "../cast/float32-to-bfloat16.js";
import { float32ToFloat16 } from "../cast/float32-to-float16.js";
import { minMax } from "../minmax/min-max.js";
import type { FloatDType } from "../quantize/float-elements.js";
import type { TypedArray } from "../tensor.js";
import type { WeightLayout } from "./layout.js";
import { scalesOfRanges, zeroPointsOfRanges } from "./scale-ranges.js";

/** A matrix of floats; of 16-bit ones their bits. */
export interface FloatMatrix {
  readonly dtype: FloatDType;
  readonly shape: readonly [rows: number, cols: number];
  load(): TypedArray;
  /** What to throw for values that cannot be quantized. */
  invalid(message: string): Error;
}

/** Some rows of a matrix, with their scales and zero points: one for the whole matrix, for each row, or for each group of columns. */
export interface Slab {
  /** The first row. */
  readonly begin: number;
  readonly rows: number;
  readonly values: Float32Array;
  readonly scales: Float32Array;
  /** From 0 up; unset where they are all the same. */
  readonly zeroPoints: Int32Array;
}

/** Few enough values that what is read, and what is made of it, stay in the cache. */
const SLAB_VALUES = 1 << 18;

/** What is zero throughout gets a scale that can divide: the type's epsilon, as the convention's own library has it. */
const EPSILON: Readonly<Record<FloatDType, number>> = {
  float32: 2 ** -23,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};

/** Rounds float32 values to a 16-bit type, of which `out` gets the bits. */
type Round = (x: Float32Array, options?: { out: Uint16Array }) => Uint16Array;

export const TO_FLOAT32 = { float16: float16ToFloat32, bfloat16: bfloat16ToFloat32 } as const;
export const FROM_FLOAT32: Readonly<Record<"float16" | "bfloat16", Round>> = {
  float16: float32ToFloat16,
  bfloat16: float32ToBfloat16,
};

/** Goes through a matrix some rows at a time; a slab holds until the next. */
export class WeightSlabs implements Iterable<Slab> {
  private readonly slabRows: number;
  private readonly floats: Float32Array;
  private readonly ranges: { min: Float32Array; max: Float32Array };
  private readonly scales: Float32Array;
  private readonly zeroPoints: Int32Array;
  private wholeRangeKnown = false;

  constructor(
    private readonly matrix: FloatMatrix,
    private readonly layout: WeightLayout,
    private readonly symmetric: boolean,
    private readonly scaleDType: FloatDType,
  ) {
    const { rows, cols } = layout;
    this.slabRows = Math.min(rows, Math.max(1, Math.floor(SLAB_VALUES / cols)));
    const count = this.scaleCount(this.slabRows);
    this.ranges = { min: new Float32Array(count), max: new Float32Array(count) };
    this.scales = new Float32Array(count);
    this.zeroPoints = new Int32Array(count);
    this.floats = new Float32Array(matrix.dtype === "float32" ? 0 : this.slabRows * cols);
  }

  *[Symbol.iterator](): Generator<Slab> {
    const data = this.matrix.load();
    const perTensor = this.layout.strategy === "tensor";
    if (perTensor) this.findWholeRange(data);
    for (const [begin, rows] of this.parts()) {
      const values = this.rows(data, begin, rows);
      const count = this.scaleCount(rows);
      const scales = this.scales.subarray(0, count);
      const zeroPoints = this.zeroPoints.subarray(0, count);
      if (!perTensor) this.findRanges(values, count);
      this.setParameters(begin, scales, zeroPoints);
      yield { begin, rows, values, scales, zeroPoints };
    }
  }

  private scaleCount(rows: number): number {
    return this.layout.strategy === "tensor" ? 1 : rows * this.layout.groups;
  }

  private *parts(): Generator<[begin: number, rows: number]> {
    const { rows } = this.layout;
    for (let begin = 0; begin < rows; begin += this.slabRows)
      yield [begin, Math.min(this.slabRows, rows - begin)];
  }

  private rows(data: TypedArray, begin: number, rows: number): Float32Array {
    const { cols } = this.layout;
    const part = data.subarray(begin * cols, (begin + rows) * cols);
    const { dtype } = this.matrix;
    if (dtype === "float32") return part as Float32Array;
    return TO_FLOAT32[dtype](part as Uint16Array, { out: this.floats.subarray(0, rows * cols) });
  }

  private findRanges(values: Float32Array, count: number): void {
    const { min, max } = this.ranges;
    const out = { min: min.subarray(0, count), max: max.subarray(0, count) };
    minMax(values, { shape: [count, this.layout.groupSize], axis: 0, out });
  }

  private findWholeRange(data: TypedArray): void {
    if (this.wholeRangeKnown) return;
    const { min, max } = this.ranges;
    min[0] = Infinity;
    max[0] = -Infinity;
    for (const [begin, rows] of this.parts()) {
      const part = minMax(this.rows(data, begin, rows));
      // NaN stays.
      min[0] = Math.min(min[0], part.min);
      max[0] = Math.max(max[0], part.max);
    }
    this.wholeRangeKnown = true;
  }

  /** Scales are rounded to the type they are stored in before anything is divided by them. */
  private setParameters(begin: number, scales: Float32Array, zeroPoints: Int32Array): void {
    const { bits, groups, strategy } = this.layout;
    scalesOfRanges(this.ranges, { bits, symmetric: this.symmetric }, scales);
    if (this.scaleDType !== "float32")
      TO_FLOAT32[this.scaleDType](FROM_FLOAT32[this.scaleDType](scales), { out: scales });
    for (let i = 0; i < scales.length; i++) {
      if (scales[i] === 0) scales[i] = EPSILON[this.scaleDType];
      if (Number.isFinite(scales[i])) continue;
      const where = strategy === "tensor" ? "the weight" : `row ${begin + Math.floor(i / groups)}`;
      throw this.matrix.invalid(`${where} holds NaN, infinity, or values too far apart for a scale`);
    }
    if (!this.symmetric) zeroPointsOfRanges(this.ranges, scales, bits, zeroPoints);
  }
}
