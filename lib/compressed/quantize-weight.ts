import type { FloatDType } from "../quantize/float-elements.js";
import { quantizeLinear } from "../quantize/quantize-linear.js";
import { bytesOf, type DeferredTensor, type Fill, type TypedArray } from "../tensor.js";
import { layoutOf, parameterEntries, type WeightLayout, type WeightParameter } from "./layout.js";
import type { ResolvedScheme } from "./scheme.js";
import { type FloatMatrix, FROM_FLOAT32, WeightSlabs } from "./weight-slabs.js";

const WORD_BITS = 32;

/**
 * The tensors that the convention stores for a weight, by name, each made from the floats when its turn comes: memory holds some
 * rows at a time. Values are quantized as by quantizeLinear, with the scales that are stored.
 */
export function quantizeWeight(
  matrix: FloatMatrix,
  scheme: ResolvedScheme,
  scaleDType: FloatDType,
): Partial<Record<WeightParameter, DeferredTensor>> {
  const { symmetric } = scheme;
  const layout = layoutOf(matrix.shape, scheme);
  const slabs = new WeightSlabs(matrix, layout, symmetric, scaleDType);
  const values: Fill = (data) => fillValues(bytesOf(data), slabs, layout, symmetric);
  const fills: Partial<Record<WeightParameter, Fill>> = {
    weight: values,
    weight_packed: values,
    weight_shape: (data) => (data as BigInt64Array).set(matrix.shape.map(BigInt)),
    weight_scale: (data) => fillScales(data, slabs, layout, scaleDType),
    weight_zero_point: (data) => fillZeroPoints(data as Int8Array | Int32Array, slabs, layout),
  };
  const parameters: Partial<Record<WeightParameter, DeferredTensor>> = {};
  for (const [name, entry] of parameterEntries(layout, { symmetric, scaleDType }))
    parameters[name] = { ...entry, fill: fills[name]! };
  return parameters;
}

function fillScales(
  data: TypedArray,
  slabs: WeightSlabs,
  { groups, strategy }: WeightLayout,
  scaleDType: FloatDType,
): void {
  for (const { begin, scales } of slabs) {
    const out = data.subarray(begin * groups, begin * groups + scales.length);
    if (scaleDType === "float32") (out as Float32Array).set(scales);
    else FROM_FLOAT32[scaleDType](scales, { out: out as Uint16Array });
    if (strategy === "tensor") return;
  }
}

function fillZeroPoints(
  data: Int8Array | Int32Array,
  slabs: WeightSlabs,
  { bits, groups, strategy, packed }: WeightLayout,
): void {
  data.fill(0);
  for (const { begin, zeroPoints } of slabs) {
    for (let i = 0; i < zeroPoints.length; i++) {
      if (!packed || strategy === "tensor") {
        data[begin * groups + i] = zeroPoints[i]! - 2 ** (bits - 1);
        continue;
      }
      // Values lie along the rows, zero points across them.
      const at = (begin + Math.floor(i / groups)) * bits;
      data[Math.floor(at / WORD_BITS) * groups + (i % groups)]! |= zeroPoints[i]! << (at % WORD_BITS);
    }
    if (strategy === "tensor") return;
  }
}

/** Packed values are what quantizeLinear makes of 4 and 8 bits without sign: steps from 0 up, the first in the lowest bits. */
function fillValues(out: Uint8Array, slabs: WeightSlabs, layout: WeightLayout, symmetric: boolean): void {
  const { cols, groups, groupSize, strategy, bits, packed, rowBytes, usedBytes, dense } = layout;
  const dtype = packed ? (bits === 4 ? "uint4" : "uint8") : "int8";
  const target = packed ? out : new Int8Array(out.buffer, out.byteOffset, out.byteLength);
  const middle = 2 ** (bits - 1);
  if (!dense) out.fill(0);
  for (const { begin, rows, values, scales, zeroPoints } of slabs) {
    if (!packed && !symmetric) for (let i = 0; i < zeroPoints.length; i++) zeroPoints[i]! -= middle;
    // Where rows end within a word they are packed one by one.
    const step = dense ? rows : 1;
    for (let row = 0; row < rows; row += step) {
      const [from, to] = strategy === "tensor" ? [0, 1] : [row * groups, (row + step) * groups];
      const first = (begin + row) * rowBytes;
      quantizeLinear(values.subarray(row * cols, (row + step) * cols), {
        dtype,
        scale: scales.subarray(from, to),
        zeroPoint: symmetric ? (packed ? middle : 0) : zeroPoints.subarray(from, to),
        shape: [step, cols],
        ...(strategy === "group" ? { axis: 1, blockSize: groupSize } : { axis: 0 }),
        out: target.subarray(first, first + (step - 1) * rowBytes + usedBytes),
      });
    }
  }
}
