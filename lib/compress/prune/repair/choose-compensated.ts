import { compensatePruning } from "../../../linalg/compensate-pruning.js";
import { reversedCholesky } from "../../../linalg/reversed-cholesky.js";
import type { Chosen, Quota } from "./choose-kept.js";
import { keptBy } from "./choose-kept.js";
import type { NormalEquations } from "./normal-equations.js";

/** Rows on which a threshold is sought; the rest of a large layer is like them. */
const SAMPLED_ROWS = 256;
/** Halvings of the range of float32 in the search: the last ones would change hardly a weight. */
const HALVINGS = 22;
const INFINITY_BITS = 0x7f800000;

/**
 * Chooses what goes, and moves what stays, as SparseGPT does: one column after the other, each weight where its share of the error
 * is small once those after it make it good. See `compensatePruning`.
 */
export function chooseCompensated(equations: NormalEquations, quota: Quota): Chosen {
  const problems = new Problems(equations, quota);
  if (quota.kind === "neighbours") return problems.prune({ keep: quota.keep, of: quota.of });
  const threshold = problems.threshold(quota.zeros / equations.rows.values.length);
  const { costs } = problems.prune({ threshold });
  // The threshold comes near to the count; costs decide about the few that are too many or too few.
  return problems.prune({ kept: keptBy(costs, quota) });
}

/** Moves what stays where it is decided what goes; less exact than least squares, and much faster for wide layers. */
export function compensate(equations: NormalEquations, kept: Uint8Array): Chosen {
  return new Problems(equations, { kind: "count", zeros: 0 }).prune({ kept });
}

interface Rule {
  readonly threshold?: number;
  readonly keep?: number;
  readonly of?: number;
  readonly kept?: Uint8Array;
}

interface Problem {
  /** The best weights were nothing to go. */
  readonly values: Float32Array;
  readonly factor: Float64Array;
  readonly order: Int32Array;
}

/** A problem for each group of a layer. */
class Problems {
  private readonly problems: readonly Problem[];
  private readonly length: number;

  constructor(
    private readonly equations: NormalEquations,
    quota: Quota,
  ) {
    const { columns, groups, values } = equations.rows;
    this.length = values.length / groups;
    const dense = equations.fit(new Uint8Array(values.length).fill(1));
    this.problems = equations.matrices.map((matrix, group) => {
      const order = columnOrder(matrix, columns, quota);
      return {
        values: dense.subarray(group * this.length, (group + 1) * this.length),
        factor: reversedCholesky(permuted(matrix, columns, order)),
        order,
      };
    });
  }

  prune(rule: Rule): Chosen & { costs: Float32Array } {
    const { length } = this.equations.rows.values;
    const values = new Float32Array(length);
    const kept = new Uint8Array(length);
    const costs = new Float32Array(length);
    for (const [group, problem] of this.problems.entries()) {
      const at = group * this.length;
      const own = rule.kept && { kept: rule.kept.subarray(at, at + this.length) };
      const result = compensatePruning(problem.values, { ...rule, ...problem, ...own });
      values.set(result.pruned, at);
      kept.set(result.kept, at);
      costs.set(result.costs, at);
    }
    return { values, kept, costs };
  }

  /** Up to which cost about this share of the weights goes. */
  threshold(share: number): number {
    const { columns, outputs } = this.equations.rows;
    const every = Math.max(1, Math.floor(outputs / SAMPLED_ROWS));
    const samples = this.problems.map((problem) => ({
      ...problem,
      values: everyRow(problem.values, columns, every),
    }));
    const total = samples.reduce((sum, { values }) => sum + values.length, 0);
    let [low, high] = [0, INFINITY_BITS];
    for (let i = 0; i < HALVINGS; i++) {
      const middle = Math.floor((low + high) / 2);
      let gone = 0;
      for (const { values, ...problem } of samples)
        for (const bit of compensatePruning(values, { ...problem, threshold: floatOf(middle) }).kept)
          gone += 1 - bit;
      if (gone < share * total) low = middle;
      else high = middle;
    }
    return floatOf(high);
  }
}

function everyRow(values: Float32Array, columns: number, every: number): Float32Array {
  return every === 1 ? values : values.filter((_, i) => Math.floor(i / columns) % every === 0);
}

function floatOf(bits: number): number {
  return new Float32Array(Int32Array.of(bits).buffer)[0]!;
}

/** The columns with the largest inputs first, as errors move on to those after them; neighbours stay together. */
function columnOrder(matrix: Float64Array, columns: number, quota: Quota): Int32Array {
  const sets =
    quota.kind === "neighbours"
      ? neighbourSets(columns, quota.of, quota.shape[2]!)
      : Array.from({ length: columns }, (_, i) => [i]);
  const size = (set: readonly number[]): number => set.reduce((sum, i) => sum + matrix[i * columns + i]!, 0);
  const sorted = sets.map((set) => ({ set, size: size(set) })).sort((a, b) => b.size - a.size);
  return Int32Array.from(sorted.flatMap(({ set }) => set));
}

/** Columns [inputs, inner] whose inputs are neighbours. */
function neighbourSets(columns: number, of: number, inner: number): number[][] {
  const sets: number[][] = [];
  for (let first = 0; first < columns; first += of * inner)
    for (let i = 0; i < inner; i++) sets.push(Array.from({ length: of }, (_, k) => first + k * inner + i));
  return sets;
}

/** The matrix with its variables in the given order; its lower triangle is filled. */
function permuted(matrix: Float64Array, columns: number, order: Int32Array): Float64Array {
  const result = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++)
    for (let j = 0; j <= i; j++) {
      const [low, high] = order[i]! < order[j]! ? [order[i]!, order[j]!] : [order[j]!, order[i]!];
      result[i * columns + j] = matrix[low * columns + high]!;
    }
  return result;
}
