import type { Tensor } from "../tensor.js";
import type { Feeds } from "./protocol.js";

/** How many samples the feeds hold. */
export function rowsOf(feeds: Feeds): number {
  return Math.max(...Object.values(feeds).map(({ shape }) => shape[0] ?? 0));
}

/** What repeats the last sample only to fill a fixed batch must not weigh in a distribution. */
export function ownRows(
  { shape, data }: Pick<Tensor, "shape" | "data">,
  rows: number,
  padding: number,
): { values: Float32Array; shape: readonly number[] } {
  const values = data as Float32Array;
  if (padding === 0 || shape[0] !== rows) return { values, shape };
  return {
    values: values.subarray(0, (values.length / rows) * (rows - padding)),
    shape: [rows - padding, ...shape.slice(1)],
  };
}
