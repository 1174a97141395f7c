import { outOfRange, wrongType } from "../errors.js";

/** How many of `length` values a sparsity is. */
export function requireSparsity(sparsity: unknown, length: number): number {
  if (typeof sparsity !== "number") throw wrongType("a number", "sparsity", sparsity);
  if (!(sparsity >= 0 && sparsity <= 1)) throw outOfRange("in 0..1", "sparsity", sparsity);
  return Math.round(sparsity * length);
}
