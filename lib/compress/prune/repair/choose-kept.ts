import { pruneMagnitude } from "../../../prune/prune-magnitude.js";
import { pruneNM } from "../../../prune/prune-nm.js";
import type { NormalEquations } from "./normal-equations.js";

/** How many weights of a layer go: so many in all, or all but some of each group of neighbours among the inputs. */
export type Quota =
  | { readonly kind: "count"; readonly zeros: number }
  | {
      readonly kind: "neighbours";
      readonly keep: number;
      readonly of: number;
      /** The rows as [outputs, inputs, values of an input]. */
      readonly shape: readonly number[];
    };

/** Prunes a part, fits the rest, and looks again at what is small: so often. */
const ROUNDS = 4;

/** Multiplications of about a minute. */
const MOST_WORK = 1e12;

export interface Chosen {
  readonly values: Float32Array;
  readonly kept: Uint8Array;
}

/**
 * Chooses what goes by Wanda's score, |w| times the size of the input, and fits what stays. In rounds: of weights that do the same
 * one takes over from the other, and is worth more when its turn comes.
 *
 * @param rowSizes how much each output counts
 */
export function chooseInRounds(equations: NormalEquations, quota: Quota, rowSizes: Float64Array): Chosen {
  let { values } = equations.rows;
  let kept: Uint8Array = new Uint8Array(values.length).fill(1);
  for (const step of steps(equations, quota)) {
    kept = keptBy(columnScores(equations, values, rowSizes), step);
    values = equations.fit(kept);
  }
  return { values, kept };
}

/** |w| times the size of its column and of its row, and 0 only for a weight that is 0. */
export function columnScores(
  equations: NormalEquations,
  values: Float32Array,
  rowSizes: Float64Array,
): Float32Array {
  const { columns, outputs, groups } = equations.rows;
  const sizes = equations.columnSizes();
  const perGroup = outputs / groups;
  return values.map((value, i) => {
    const output = Math.floor(i / columns);
    return Math.abs(value) * sizes[Math.floor(output / perGroup)]![i % columns]! * rowSizes[output]!;
  });
}

/** 0 for what goes: the smallest scores. */
export function keptBy(scores: Float32Array, quota: Quota): Uint8Array {
  const pruned =
    quota.kind === "count"
      ? pruneMagnitude(scores, { sparsity: quota.zeros / scores.length })
      : pruneNM(scores, { ...quota, axis: 1 });
  return Uint8Array.from(pruned, (score) => Number(score !== 0));
}

/** Whether fitting rows to what they keep takes no more than minutes. */
export function isAffordable({ rows: { columns, outputs } }: NormalEquations, keptShare: number): boolean {
  return (outputs * (columns * keptShare) ** 3) / 3 <= MOST_WORK;
}

/** Quotas that lead to the last one; a single step where more would take too long. */
function steps(equations: NormalEquations, quota: Quota): Quota[] {
  const { length } = equations.rows.values;
  if (quota.kind === "neighbours") {
    const { keep, of } = quota;
    const keeps = Array.from({ length: of - keep }, (_, i) => of - 1 - i);
    const some = keeps.filter((each, i) => each === keep || i % Math.ceil(keeps.length / ROUNDS) === 0);
    return isAffordable(equations, some[0]! / of) ? some.map((each) => ({ ...quota, keep: each })) : [quota];
  }
  const counts = Array.from({ length: ROUNDS }, (_, i) =>
    Math.round(quota.zeros * (1 - (1 - (i + 1) / ROUNDS) ** 3)),
  );
  const isCheap = isAffordable(equations, 1 - counts[0]! / length);
  return (isCheap ? counts : counts.slice(-1)).map((zeros) => ({ kind: "count", zeros }));
}
