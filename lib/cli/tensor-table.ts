import type { TensorDescription } from "../tensor-file/inspect-tensors.js";
import type { TensorStatistics } from "../tensor-file/tensor-statistics.js";
import { bytes, percent } from "./format.js";
import { label, table } from "./table.js";

/** A row for each tensor; with what its values are where any was looked at. */
export function tensorTable(tensors: readonly TensorDescription[]): string {
  const withStats = tensors.some(({ stats }) => stats !== undefined);
  const head = ["tensor", "type", "shape", "size", ...(withStats ? ["zeros", "min", "max", "NaN"] : [])];
  const rows = tensors.map(({ name, type, shape, bytes: size, stats }) => [
    label(name),
    type,
    `[${shape.join(", ")}]`,
    bytes(size),
    ...(withStats ? statistics(stats) : []),
  ]);
  return table([head, ...rows]);
}

function statistics(stats: TensorStatistics | undefined): string[] {
  if (stats === undefined) return ["-", "-", "-", "-"];
  return [percent(stats.sparsity), number(stats.min), number(stats.max), String(stats.nans)];
}

function number(value: number | bigint): string {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return String(value);
  return String(Number(value.toPrecision(4)));
}

/** The same for JSON, which has neither integers of 64 bits nor NaN: those become text. */
export function jsonTensors(tensors: readonly TensorDescription[]): object[] {
  return tensors.map(({ stats, ...tensor }) =>
    stats === undefined
      ? tensor
      : { ...tensor, stats: { ...stats, min: jsonNumber(stats.min), max: jsonNumber(stats.max) } },
  );
}

function jsonNumber(value: number | bigint): number | string {
  const number = Number(value);
  const exact = typeof value === "bigint" ? Number.isSafeInteger(number) : Number.isFinite(value);
  return exact ? number : String(value);
}
