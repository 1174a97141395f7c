import { inverse } from "./inverse.js";

/** What a layer's outputs lose when sets of its input's channels go. */
export interface Elimination {
  /** What is lost when one more set goes, over the energy of the outputs. */
  loss(set: number): number;
  remove(set: number): void;
}

/** Above this many columns the inverse takes longer than what it is worth; see `independentElimination`. */
const MAX_COLUMNS = 1536;

export interface EliminationInput {
  /** One row of `columns` values per output. */
  readonly rows: Float32Array;
  readonly columns: number;
  /** Products of every two columns, symmetric and damped: it is positive definite. */
  readonly gram: Float64Array;
  /** The sum of squares of the outputs. */
  readonly energy: number;
  readonly columnSets: Int32Array;
}

export function eliminationOf(input: EliminationInput): Elimination {
  return input.columns > MAX_COLUMNS ? independentElimination(input) : new ExactElimination(input);
}

/**
 * Takes columns out one set after the other, and moves what they did into those that are left, so that the outputs change least: with
 * the inverse Q of the products, sets P cost trace(W_P inv(Q_PP) W_P^T), the weights become W - W_P inv(Q_PP) Q_P, and the inverse
 * Q - Q_P^T inv(Q_PP) Q_P.
 * B. Hassibi, D. G. Stork: Second order derivatives for network pruning: Optimal Brain Surgeon, NIPS 1992; for groups of columns
 * E. Kurtic, E. Frantar, D. Alistarh: ZipLM: Inference-Aware Structured Pruning of Language Models, NeurIPS 2023.
 */
class ExactElimination implements Elimination {
  private readonly weights: Float64Array;
  private readonly q: Float64Array;
  private readonly columnsOf = new Map<number, number[]>();

  constructor(private readonly input: EliminationInput) {
    const { rows, columns, gram, columnSets } = input;
    this.weights = Float64Array.from(rows);
    this.q = inverse(gram, columns);
    for (const [column, set] of columnSets.entries()) {
      const list = this.columnsOf.get(set);
      if (list) list.push(column);
      else this.columnsOf.set(set, [column]);
    }
  }

  loss(set: number): number {
    const { weights, input } = this;
    const { columns, energy } = input;
    const list = this.columnsOf.get(set) ?? [];
    const block = inverse(this.block(list), list.length);
    let sum = 0;
    for (let row = 0; row < weights.length; row += columns)
      for (const [i, a] of list.entries()) {
        const w = weights[row + a]!;
        if (w === 0) continue;
        for (const [j, b] of list.entries()) sum += w * block[i * list.length + j]! * weights[row + b]!;
      }
    return sum / energy;
  }

  remove(set: number): void {
    const { weights, q, input } = this;
    const { columns } = input;
    const list = this.columnsOf.get(set) ?? [];
    const block = inverse(this.block(list), list.length);
    const removed = Float64Array.from(list.flatMap((p) => [...q.subarray(p * columns, (p + 1) * columns)]));
    this.subtract(weights, list, block, removed);
    this.subtract(q, list, block, removed);
    for (const p of list) {
      for (let row = 0; row < weights.length; row += columns) weights[row + p] = 0;
      for (let i = 0; i < columns; i++) {
        q[i * columns + p] = 0;
        q[p * columns + i] = 0;
      }
    }
  }

  private block(list: readonly number[]): Float64Array {
    const { columns } = this.input;
    return Float64Array.from(list.flatMap((a) => list.map((b) => this.q[a * columns + b]!)));
  }

  /** From each row its part of the columns in `list`, times the inverse of their block, times the rows of q. */
  private subtract(
    matrix: Float64Array,
    list: readonly number[],
    block: Float64Array,
    removed: Float64Array,
  ): void {
    const { columns } = this.input;
    const size = list.length;
    const factors = new Float64Array(size);
    for (let row = 0; row < matrix.length; row += columns) {
      factors.fill(0);
      for (let i = 0; i < size; i++) {
        const value = matrix[row + list[i]!]!;
        if (value !== 0) for (let j = 0; j < size; j++) factors[j]! += value * block[i * size + j]!;
      }
      for (let j = 0; j < size; j++) {
        const factor = factors[j]!;
        if (factor === 0) continue;
        for (let c = 0; c < columns; c++) matrix[row + c]! -= factor * removed[j * columns + c]!;
      }
    }
  }
}

/** Sets that go without others making them good: what each adds to the outputs by itself. */
function independentElimination({ rows, columns, gram, energy, columnSets }: EliminationInput): Elimination {
  const losses = new Map<number, number>();
  for (let a = 0; a < columns; a++)
    for (let b = a; b < columns && columnSets[b] === columnSets[a]; b++) {
      let product = 0;
      for (let row = 0; row < rows.length; row += columns) product += rows[row + a]! * rows[row + b]!;
      const set = columnSets[a]!;
      const part = product * gram[a * columns + b]! * (a === b ? 1 : 2);
      losses.set(set, (losses.get(set) ?? 0) + part / energy);
    }
  return { loss: (set) => losses.get(set) ?? 0, remove: () => undefined };
}
