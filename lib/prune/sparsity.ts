import { outOfRange, wrongType } from "../errors.js";

/** How many of `length` values a sparsity is. */
export function requireSparsity(sparsity: unknown, length: number, name = "sparsity"): number {
  if (typeof sparsity !== "number") throw wrongType("a number", name, sparsity);
  if (!(sparsity >= 0 && sparsity <= 1)) throw outOfRange("in 0..1", name, sparsity);
  return Math.round(sparsity * length);
}
