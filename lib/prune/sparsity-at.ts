import { outOfRange, wrongType } from "../errors.js";
import { requireSparsity } from "./sparsity.js";

export interface SparsitySchedule {
  /** The sparsity before `begin`, 0 to 1. Default 0. */
  initial?: number | undefined;
  /** The sparsity from `end` on, 0 to 1. */
  final: number;
  /** The step at which pruning begins. Default 0. */
  begin?: number | undefined;
  /** The step at which the last values go, above `begin`; not for the constant schedule. */
  end?: number | undefined;
  /** Pruning goes on at every so many steps from `begin` on, and in between the sparsity stays. Default 1. */
  frequency?: number | undefined;
  /** cubic: fast first, then slower and slower. constant: `final` from `begin` on. Default cubic. */
  schedule?: "cubic" | "constant" | undefined;
}

/**
 * The sparsity that a model should have at a step of training, for who prunes while training goes on elsewhere: from a small one, at
 * which weights are plenty, to the one that is wanted: final + (initial - final) * (1 - (step - begin) / (end - begin))^3 (Zhu and
 * Gupta, To prune, or not to prune, 2017).
 *
 * @example
 * sparsityAt(500, { final: 0.8, end: 1000 }); // 0.7
 *
 * @param step a number of steps, 0 or more
 * @throws TypeError or RangeError for a step, a sparsity or a number of steps that cannot be
 */
export function sparsityAt(step: number, options: SparsitySchedule): number {
  const { initial = 0, final, begin = 0, frequency = 1, schedule = "cubic" } = options;
  requireStep(step, "step", 0);
  requireSparsity(initial, 1, "initial");
  requireSparsity(final, 1, "final");
  requireStep(begin, "begin", 0);
  requireStep(frequency, "frequency", 1);
  if (schedule === "constant") return step < begin ? initial : final;
  if (schedule !== "cubic") throw outOfRange("cubic or constant", "schedule", schedule);
  const { end } = options;
  requireStep(end, "end", begin + 1);
  if (step < begin) return initial;
  if (step >= end) return final;
  const pruned = step - ((step - begin) % frequency);
  return initial + (final - initial) * (1 - (1 - (pruned - begin) / (end - begin)) ** 3);
}

function requireStep(value: unknown, name: string, least: number): asserts value is number {
  if (typeof value !== "number") throw wrongType("a number of steps", name, value);
  if (!(Number.isSafeInteger(value) && value >= least))
    throw outOfRange(`a whole number from ${least}`, name, value);
}
