import { inverse } from "./inverse.js";

/** What a layer's outputs lose when sets of its input's channels go. */
export interface Elimination {
  /** What is lost when one more set goes, over the energy of the outputs. */
  loss(set: number): number;
  remove(set: number): void;
  /** The rows as they are now: 0 for what went, and what stays makes that good. */
  rows(): Float32Array;
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
  /** Column after column, a value for each output: a loss reads whole columns. */
  private readonly weights: Float64Array;
  private readonly outputs: number;
  private readonly q: Float64Array;
  private readonly columnsOf = new Map<number, number[]>();

  constructor(private readonly input: EliminationInput) {
    const { rows, columns, gram, columnSets } = input;
    this.outputs = rows.length / columns;
    this.weights = byColumn(rows, columns);
    this.q = inverse(gram, columns);
    for (const [column, set] of columnSets.entries()) {
      const list = this.columnsOf.get(set);
      if (list) list.push(column);
      else this.columnsOf.set(set, [column]);
    }
  }

  loss(set: number): number {
    const { weights, outputs } = this;
    const list = this.columnsOf.get(set);
    // Behind a Split a layer reads some of the sets only.
    if (list === undefined) return 0;
    const block = this.inverseBlock(list);
    let sum = 0;
    for (let i = 0; i < list.length; i++)
      for (let j = 0; j <= i; j++) {
        const [a, b] = [list[i]! * outputs, list[j]! * outputs];
        let product = 0;
        for (let o = 0; o < outputs; o++) product += weights[a + o]! * weights[b + o]!;
        sum += (i === j ? 1 : 2) * block[i * list.length + j]! * product;
      }
    return sum / this.input.energy;
  }

  remove(set: number): void {
    const { weights, outputs, q, input } = this;
    const { columns } = input;
    const list = this.columnsOf.get(set);
    if (list === undefined) return;
    const block = this.inverseBlock(list);
    const removed = list.map((p) => q.slice(p * columns, (p + 1) * columns));
    subtract(weights, outputs, list, block, removed);
    subtract(q, columns, list, block, removed);
    for (const p of list) {
      weights.fill(0, p * outputs, (p + 1) * outputs);
      q.fill(0, p * columns, (p + 1) * columns);
      for (let i = 0; i < columns; i++) q[i * columns + p] = 0;
    }
  }

  rows(): Float32Array {
    const { weights, outputs } = this;
    const { columns } = this.input;
    return Float32Array.from(
      { length: weights.length },
      (_, i) => weights[(i % columns) * outputs + Math.floor(i / columns)]!,
    );
  }

  private inverseBlock(list: readonly number[]): Float64Array {
    const { columns } = this.input;
    const size = list.length;
    const block = new Float64Array(size * size);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) block[i * size + j] = this.q[list[i]! * columns + list[j]!]!;
    return inverse(block, size);
  }
}

function byColumn(rows: Float32Array, columns: number): Float64Array {
  const outputs = rows.length / columns;
  const result = new Float64Array(rows.length);
  for (let o = 0; o < outputs; o++)
    for (let c = 0; c < columns; c++) result[c * outputs + o] = rows[o * columns + c]!;
  return result;
}

/**
 * From each column of a matrix its part of the columns in `list`: these times the inverse of their block, times the rows of q.
 *
 * @param matrix column after column of `length` values
 */
function subtract(
  matrix: Float64Array,
  length: number,
  list: readonly number[],
  block: Float64Array,
  removed: readonly Float64Array[],
): void {
  const size = list.length;
  const parts = list.map((_, j) => {
    const part = new Float64Array(length);
    for (let i = 0; i < size; i++) addMultiple(part, 0, block[i * size + j]!, matrix, list[i]! * length);
    return part;
  });
  for (let c = 0; c * length < matrix.length; c++)
    for (let j = 0; j < size; j++) addMultiple(matrix, c * length, -removed[j]![c]!, parts[j]!, 0);
}

/** Adds to as many values of `to` as there are in the shorter of both, from `at` on, those of `from` times a factor. */
function addMultiple(to: Float64Array, at: number, factor: number, from: Float64Array, start: number): void {
  if (factor === 0) return;
  const length = Math.min(to.length - at, from.length - start);
  for (let i = 0; i < length; i++) to[at + i]! += factor * from[start + i]!;
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
  const gone = new Set<number>();
  return {
    loss: (set) => losses.get(set) ?? 0,
    remove: (set) => void gone.add(set),
    rows: () => rows.map((value, i) => (gone.has(columnSets[i % columns]!) ? 0 : value)),
  };
}
