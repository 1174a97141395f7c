import type { Row } from "./results.js";
import { rivals } from "./rivals.js";
import { formatSize } from "./sizes.js";

const COLUMNS = ["operation", "n", "contender", "ns", "GB/s", "x naive", "x js", "x ort", "of limit"];
const WIDTHS = [28, 4, 43, 12, 7, 8, 8, 8, 8];

export const TABLE_HEAD = line(COLUMNS);

/** The rows of one operation and size as text. Of the loops that only move memory, only the fastest are there. */
export function tableRows(rows: readonly Row[]): string {
  const limits = new Set(rows.map(({ threads }) => rivals(rows, threads).limit));
  return rows
    .filter((row) => row.kind !== "limit" || limits.has(row))
    .map((row, i) =>
      line([
        i === 0 ? row.operation : "",
        i === 0 ? formatSize(row.n) : "",
        row.kind === "limit" ? `limit: ${row.name}` : row.name,
        row.nanoseconds.toFixed(row.nanoseconds < 1000 ? 1 : 0),
        ...(row.kind === "empty call" ? [] : ratios(row).map(ratio)),
      ]),
    )
    .join("\n");
}

function ratios({ gigabytesPerSecond, toNaive, toJavaScript, toOnnxruntime, toLimit }: Row) {
  return [gigabytesPerSecond, toNaive, toJavaScript, toOnnxruntime, toLimit];
}

function ratio(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(value < 100 ? 2 : 0);
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 || i === 2 ? cell.padEnd(WIDTHS[i]!) : cell.padStart(WIDTHS[i]!)))
    .join(" ")
    .trimEnd();
}
