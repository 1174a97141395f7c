import type { Results, Row } from "./results.js";
import { type Rivals, rivals } from "./rivals.js";

/** In smaller arrays the call costs more than the work, and gigabytes per second mean nothing. */
export const LARGE = 4096;

/** What is said about one operation at one size. */
export interface Comparison extends Rivals {
  operation: string;
  n: number;
  /** The best backend on one thread. */
  ours: Row;
  /** The same on more threads. */
  threaded: readonly Row[];
}

/** One comparison for each operation and size, in the order of the results. */
export function comparisons({ rows }: Results): Comparison[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.operation} ${row.n}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map(comparison);
}

/** Of the rows of one operation at one size. */
export function comparison(rows: readonly Row[]): Comparison {
  const backends = rows.filter(({ kind }) => kind === "backend"); // best first, as the library lists them
  const ours = backends.find(({ threads }) => threads === 1)!;
  const threaded = backends.filter(({ backend, threads }) => backend === ours.backend && threads > 1);
  return { ...rivals(rows), operation: ours.operation, n: ours.n, ours, threaded };
}
