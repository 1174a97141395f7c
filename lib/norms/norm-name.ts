import { outOfRange } from "../errors.js";

export type NormName = "l1" | "l2";

/** The number that operations know a norm by. */
export function orderOf(norm: unknown): 1 | 2 {
  if (norm === "l1") return 1;
  if (norm === "l2") return 2;
  throw outOfRange("l1 or l2", "norm", norm);
}
