import { serialize } from "node:v8";
import {
  type AsyncCallOptions,
  bfloat16ToFloat32,
  bfloat16ToFloat32Async,
  type CallOptions,
  channelNorms,
  channelNormsAsync,
  countNonzero,
  countNonzeroAsync,
  dequantizeBlockwise,
  dequantizeBlockwiseAsync,
  dequantizeGguf,
  dequantizeGgufAsync,
  dequantizeLinear,
  dequantizeLinearAsync,
  dynamicQuantizeLinear,
  dynamicQuantizeLinearAsync,
  fitBlockwise,
  fitBlockwiseAsync,
  float16ToFloat32,
  float16ToFloat32Async,
  float32ToBfloat16,
  float32ToBfloat16Async,
  float32ToFloat16,
  float32ToFloat16Async,
  fromCsr,
  fromCsrAsync,
  histogram,
  histogramAsync,
  magnitudeHistogram,
  magnitudeHistogramAsync,
  magnitudeThreshold,
  magnitudeThresholdAsync,
  minMax,
  minMaxAsync,
  packBitmask,
  packBitmaskAsync,
  pruneBlocks,
  pruneBlocksAsync,
  pruneMagnitude,
  pruneMagnitudeAsync,
  pruneNM,
  pruneNMAsync,
  quantizeBlockwise,
  quantizeBlockwiseAsync,
  quantizeGguf,
  quantizeGgufAsync,
  quantizeLinear,
  quantizeLinearAsync,
  summarize,
  summarizeAsync,
  toCsr,
  toCsrAsync,
  unpackBitmask,
  unpackBitmaskAsync,
} from "../../lib/index.js";
import { randomBitPatterns, randomIntegers } from "./random.js";

type Options = CallOptions & AsyncCallOptions;

/** A call on large inputs of its own, by both functions of an operation. */
export interface OperationCall {
  readonly name: string;
  now(options: Options): unknown;
  later(options: Options): Promise<unknown>;
}

/** A result as bytes: comparing arrays of this size value by value would take seconds. */
export function resultBytes(result: unknown): Buffer {
  return serialize(result);
}

/** More than one chunk of a thread, and no whole number of them: divisible by 7 and 32, not by more powers of two. */
const LENGTH = 7 * 32 * 1999;

const wild = randomBitPatterns(LENGTH, 1);
const tame = wild.map((value) => (Math.abs(value) < 1e30 ? value % 100 : 1));
const tied = wild.map((_, i) => (i % 3) - 1);
const bytes = new Uint8Array(wild.buffer, 0, LENGTH);
const halves = new Uint16Array(wild.buffer, 0, LENGTH);
const blocks = new Uint8Array(wild.buffer, 0, (LENGTH / 32) * 34);

/** Few or many channels, short and long runs of one, one slice or many. */
const SHAPES = [
  [1, 7, LENGTH / 7],
  [1999, 7, 32],
  [32, 7, 1999],
  [7, LENGTH / 7, 1],
  [1, LENGTH, 1],
  [LENGTH / 14, 7, 2],
] as const;

function perAxis(shape: readonly number[]) {
  const next = randomIntegers(3);
  return { shape, axis: 1, scale: Float32Array.from({ length: shape[1]! }, () => 0.01 + (next() % 100)) };
}

/** One or more calls of every operation. */
export const OPERATION_CALLS: readonly OperationCall[] = [
  { name: "minMax", now: (o) => minMax(tame, o), later: (o) => minMaxAsync(tame, o) },
  { name: "minMax with a NaN", now: (o) => minMax(wild, o), later: (o) => minMaxAsync(wild, o) },
  { name: "summarize", now: (o) => summarize(wild, o), later: (o) => summarizeAsync(wild, o) },
  { name: "summarize of uint16", now: (o) => summarize(halves, o), later: (o) => summarizeAsync(halves, o) },
  {
    name: "quantizeLinear",
    now: (o) => quantizeLinear(wild, { scale: 0.3, ...o }),
    later: (o) => quantizeLinearAsync(wild, { scale: 0.3, ...o }),
  },
  {
    name: "dequantizeLinear",
    now: (o) => dequantizeLinear(bytes, { scale: 0.3, zeroPoint: 9, ...o }),
    later: (o) => dequantizeLinearAsync(bytes, { scale: 0.3, zeroPoint: 9, ...o }),
  },
  ...SHAPES.flatMap((shape): OperationCall[] => {
    const options = perAxis(shape);
    const named = (name: string) => `${name}, shape ${shape.join(" x ")}`;
    return [
      {
        name: named("minMax"),
        now: (o) => minMax(wild, { shape, axis: 1, ...o }),
        later: (o) => minMaxAsync(wild, { shape, axis: 1, ...o }),
      },
      {
        name: named("quantizeLinear"),
        now: (o) => quantizeLinear(wild, { ...options, ...o }),
        later: (o) => quantizeLinearAsync(wild, { ...options, ...o }),
      },
      {
        name: named("dequantizeLinear"),
        now: (o) => dequantizeLinear(bytes, { ...options, ...o }),
        later: (o) => dequantizeLinearAsync(bytes, { ...options, ...o }),
      },
    ];
  }),
  {
    name: "dynamicQuantizeLinear",
    now: (o) => dynamicQuantizeLinear(tame, o),
    later: (o) => dynamicQuantizeLinearAsync(tame, o),
  },
  ...[10, 5000].map(
    (bins): OperationCall => ({
      name: `histogram of ${bins} bins`,
      now: (o) => histogram(tame, { min: -3, max: 50, bins, ...o }),
      later: (o) => histogramAsync(tame, { min: -3, max: 50, bins, ...o }),
    }),
  ),
  {
    name: "magnitudeHistogram",
    now: (o) => magnitudeHistogram(wild, o),
    later: (o) => magnitudeHistogramAsync(wild, o),
  },
  {
    name: "magnitudeThreshold",
    now: (o) => magnitudeThreshold([tame, wild], 0.7, o),
    later: (o) => magnitudeThresholdAsync([tame, wild], 0.7, o),
  },
  {
    name: "pruneMagnitude to a sparsity",
    now: (o) => pruneMagnitude([tame, wild], { sparsity: 0.7, ...o }),
    later: (o) => pruneMagnitudeAsync([tame, wild], { sparsity: 0.7, ...o }),
  },
  {
    name: "pruneMagnitude with ties",
    now: (o) => pruneMagnitude(tied, { sparsity: 0.4, ...o }),
    later: (o) => pruneMagnitudeAsync(tied, { sparsity: 0.4, ...o }),
  },
  {
    name: "pruneMagnitude to a threshold",
    now: (o) => pruneMagnitude(wild, { threshold: 1, ...o }),
    later: (o) => pruneMagnitudeAsync(wild, { threshold: 1, ...o }),
  },
  ...[0, 1].map(
    (axis): OperationCall => ({
      name: `pruneNM along axis ${axis}`,
      now: (o) => pruneNM(wild, { keep: 2, of: 4, shape: [LENGTH / 7 / 8, 56], axis, ...o }),
      later: (o) => pruneNMAsync(wild, { keep: 2, of: 4, shape: [LENGTH / 7 / 8, 56], axis, ...o }),
    }),
  ),
  {
    name: "countNonzero",
    now: (o) => countNonzero(tied, o),
    later: (o) => countNonzeroAsync(tied, o),
  },
  ...(["l1", "l2"] as const).flatMap((norm): OperationCall[] => {
    const shape = [LENGTH / 7, 7];
    const blocks = { norm, shape: [LENGTH / 56, 56], block: [4, 16] as const, sparsity: 0.7 };
    return [
      {
        name: `channelNorms ${norm}`,
        now: (o) => channelNorms(tame, { norm, shape, axis: 1, ...o }),
        later: (o) => channelNormsAsync(tame, { norm, shape, axis: 1, ...o }),
      },
      {
        name: `channelNorms ${norm} of one channel`,
        now: (o) => channelNorms(tame, { norm, ...o }),
        later: (o) => channelNormsAsync(tame, { norm, ...o }),
      },
      {
        name: `pruneBlocks ${norm}`,
        now: (o) => pruneBlocks(tied, { ...blocks, ...o }),
        later: (o) => pruneBlocksAsync(tied, { ...blocks, ...o }),
      },
    ];
  }),
  ...[7, LENGTH].flatMap((columns): OperationCall[] => {
    const shape: [number, number] = [LENGTH / columns, columns];
    const csr = toCsr(tied, { shape });
    const packed = { ...packBitmask(tied, { shape }), shape };
    return [
      {
        name: `packBitmask of ${columns} columns`,
        now: (o) => packBitmask(tied, { shape, ...o }),
        later: (o) => packBitmaskAsync(tied, { shape, ...o }),
      },
      {
        name: `unpackBitmask of ${columns} columns`,
        now: (o) => unpackBitmask(packed, o),
        later: (o) => unpackBitmaskAsync(packed, o),
      },
      {
        name: `toCsr of ${columns} columns`,
        now: (o) => toCsr(tied, { shape, ...o }),
        later: (o) => toCsrAsync(tied, { shape, ...o }),
      },
      {
        name: `fromCsr of ${columns} columns`,
        now: (o) => fromCsr(csr, { shape, ...o }),
        later: (o) => fromCsrAsync(csr, { shape, ...o }),
      },
    ];
  }),
  {
    name: "float32ToFloat16",
    now: (o) => float32ToFloat16(wild, o),
    later: (o) => float32ToFloat16Async(wild, o),
  },
  {
    name: "float16ToFloat32",
    now: (o) => float16ToFloat32(halves, o),
    later: (o) => float16ToFloat32Async(halves, o),
  },
  {
    name: "float32ToBfloat16",
    now: (o) => float32ToBfloat16(wild, o),
    later: (o) => float32ToBfloat16Async(wild, o),
  },
  {
    name: "bfloat16ToFloat32",
    now: (o) => bfloat16ToFloat32(halves, o),
    later: (o) => bfloat16ToFloat32Async(halves, o),
  },
  {
    name: "quantizeGguf",
    now: (o) => quantizeGguf(tame, { type: "Q8_0", ...o }),
    later: (o) => quantizeGgufAsync(tame, { type: "Q8_0", ...o }),
  },
  {
    name: "dequantizeGguf",
    now: (o) => dequantizeGguf(blocks, { type: "Q8_0", ...o }),
    later: (o) => dequantizeGgufAsync(blocks, { type: "Q8_0", ...o }),
  },
  ...[false, true].flatMap((transposed): OperationCall[] => {
    const layout = { rows: 32 * 7, cols: 1999, transposed };
    const steps = bytes.subarray(0, LENGTH / 2);
    const parameters = { scales: tame.subarray(0, LENGTH / 32), zeroPoints: bytes.subarray(0, 1999 * 4) };
    const kind = transposed ? ", transposed" : "";
    return [
      {
        name: `quantizeBlockwise${kind}`,
        now: (o) => quantizeBlockwise(tame, { ...layout, symmetric: false, ...o }),
        later: (o) => quantizeBlockwiseAsync(tame, { ...layout, symmetric: false, ...o }),
      },
      {
        name: `fitBlockwise${kind}`,
        now: (o) => fitBlockwise(tame, { ...layout, ...quantizeBlockwise(tame, layout), ...o }),
        later: (o) => fitBlockwiseAsync(tame, { ...layout, ...quantizeBlockwise(tame, layout), ...o }),
      },
      {
        name: `dequantizeBlockwise${kind}`,
        now: (o) => dequantizeBlockwise(steps, { ...layout, ...parameters, ...o }),
        later: (o) => dequantizeBlockwiseAsync(steps, { ...layout, ...parameters, ...o }),
      },
    ];
  }),
];
