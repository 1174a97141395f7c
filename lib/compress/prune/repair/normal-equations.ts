import type { FitStatistics } from "../../../calibrate/fit-statistics.js";
import { fitKept } from "../../../linalg/fit-kept.js";

/** Share of the mean of the diagonal that is added to it, which holds weights near those that they had. */
const DAMPING = 0.01;

/** The rows of a layer's weight: one for each output, group after group. */
export interface LayerRows {
  readonly values: Float32Array;
  readonly columns: number;
  readonly outputs: number;
  readonly groups: number;
}

/**
 * What the weight of a layer is fitted to: the outputs that it had before anything was pruned, on the inputs that it has now.
 * For each group the weights w of an output are sought that make the mean of |w x - y|^2 + damping |w - w0|^2 small: A w = b.
 */
export class NormalEquations {
  /** For each group the upper triangle of A, columns x columns. */
  readonly matrices: readonly Float64Array[];
  /** For each group a right side for each of its outputs, outputs x columns. */
  readonly products: readonly Float64Array[];

  /**
   * @param bias what the layer adds to its outputs and keeps; undefined where a new bias makes good the mean of the error
   */
  constructor(
    readonly rows: LayerRows,
    statistics: FitStatistics,
    bias: Float32Array | undefined,
  ) {
    const groups = Array.from({ length: rows.groups }, (_, group) =>
      groupEquations(rows, statistics, group, bias),
    );
    this.matrices = groups.map(({ matrix }) => matrix);
    this.products = groups.map(({ products }) => products);
  }

  /** The best weights with zeros where `kept` is 0. */
  fit(kept: Uint8Array): Float32Array {
    const result = new Float32Array(kept.length);
    const length = kept.length / this.rows.groups;
    for (const [group, gram] of this.matrices.entries()) {
      const part = <T extends Uint8Array | Float32Array>(array: T): T =>
        array.subarray(group * length, (group + 1) * length) as T;
      fitKept({ gram, products: this.products[group]!, kept: part(kept), out: part(result) });
    }
    return result;
  }

  /** For each group the root of the mean square of each column: by how much a weight moves its output. */
  columnSizes(): Float64Array[] {
    const { columns } = this.rows;
    return this.matrices.map((matrix) =>
      Float64Array.from({ length: columns }, (_, i) => Math.sqrt(matrix[i * columns + i]!)),
    );
  }
}

function groupEquations(
  { values, columns: n, outputs, groups }: LayerRows,
  { rows, mean, targetMean, gram, products }: FitStatistics,
  group: number,
  bias: Float32Array | undefined,
): { matrix: Float64Array; products: Float64Array } {
  const means = mean.subarray(group * n, (group + 1) * n);
  const matrix = gram.slice(group * n * n, (group + 1) * n * n);
  let trace = 0;
  for (let i = 0; i < n; i++) {
    const taken = bias ? 0 : means[i]!;
    for (let j = i; j < n; j++) matrix[i * n + j] = matrix[i * n + j]! / rows - taken * means[j]!;
    trace += matrix[i * n + i]!;
  }
  const damping = (DAMPING * trace) / n || 1;
  for (let i = 0; i < n; i++) matrix[i * n + i]! += damping;
  const perGroup = outputs / groups;
  const from = group * perGroup;
  const right = products.slice(from * n, (from + perGroup) * n);
  for (let o = 0; o < perGroup; o++) {
    const taken = bias ? bias[from + o]! : targetMean[from + o]!;
    for (let i = 0; i < n; i++)
      right[o * n + i] = right[o * n + i]! / rows - taken * means[i]! + damping * values[(from + o) * n + i]!;
  }
  return { matrix, products: right };
}
