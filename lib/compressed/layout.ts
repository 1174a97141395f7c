import type { DType } from "../tensor.js";
import type { WeightScheme } from "./scheme.js";

/** What the tensors of a weight are called, after the name of their layer and a dot. */
export type WeightParameter =
  | "weight"
  | "weight_packed"
  | "weight_scale"
  | "weight_shape"
  | "weight_zero_point"
  | "shape"
  | "compressed"
  | "bitmask"
  | "row_offsets";

export interface ParameterEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** How a matrix lies in its scales and packed values. */
export interface WeightLayout {
  readonly rows: number;
  readonly cols: number;
  readonly bits: 4 | 8;
  readonly strategy: WeightScheme["strategy"];
  /** Columns that share a scale. */
  readonly groupSize: number;
  /** Scales of a row. */
  readonly groups: number;
  /** Scales of the matrix. */
  readonly scales: number;
  /** Values are packed into int32, from 0 up instead of around 0. */
  readonly packed: boolean;
  /** Bytes of a row of values, and those of them that hold any. */
  readonly rowBytes: number;
  readonly usedBytes: number;
  /** Rows follow each other without a gap. */
  readonly dense: boolean;
}

const WORD_BITS = 32;
const WORD_BYTES = 4;

/** Words that hold `count` packed values. */
export function wordCount(count: number, bits: number): number {
  return Math.ceil((count * bits) / WORD_BITS);
}

/** `groupSize` must divide `cols`. */
export function layoutOf(
  [rows, cols]: readonly [rows: number, cols: number],
  { format, bits, strategy, groupSize }: Pick<WeightScheme, "format" | "bits" | "strategy" | "groupSize">,
): WeightLayout {
  const packed = format === "pack-quantized";
  const columns = strategy === "group" ? groupSize! : cols;
  const groups = cols / columns;
  const rowBytes = packed ? wordCount(cols, bits) * WORD_BYTES : cols;
  return {
    rows,
    cols,
    bits,
    strategy,
    groupSize: columns,
    groups,
    scales: strategy === "tensor" ? 1 : rows * groups,
    packed,
    rowBytes,
    usedBytes: Math.ceil((cols * bits) / 8),
    dense: rowBytes * 8 === cols * bits,
  };
}

/** Types and shapes of the tensors of a weight. */
export function parameterEntries(
  { rows, cols, bits, strategy, groups, packed }: WeightLayout,
  { symmetric, scaleDType }: { symmetric: boolean; scaleDType: DType },
): [WeightParameter, ParameterEntry][] {
  const scaleShape = strategy === "tensor" ? [1] : [rows, groups];
  // Of all zero points just those of one tensor are not packed.
  const zeroPoint: ParameterEntry =
    packed && strategy !== "tensor"
      ? { dtype: "int32", shape: [wordCount(rows, bits), groups] }
      : { dtype: "int8", shape: scaleShape };
  const entries: [WeightParameter, ParameterEntry][] = packed
    ? [
        ["weight_packed", { dtype: "int32", shape: [rows, wordCount(cols, bits)] }],
        ["weight_shape", { dtype: "int64", shape: [2] }],
      ]
    : [["weight", { dtype: "int8", shape: [rows, cols] }]];
  entries.push(["weight_scale", { dtype: scaleDType, shape: scaleShape }]);
  if (!symmetric) entries.push(["weight_zero_point", zeroPoint]);
  return entries;
}
