import { accumulateGram } from "../linalg/accumulate-gram.js";
import { accumulateProducts } from "../linalg/accumulate-products.js";
import { joined } from "./joined.js";
import { type LayerInput, layerRows } from "./layer-input.js";

/** A layer to be fitted: how the input that it has is read as rows, and the output that it should have. */
export interface FittedLayer {
  readonly input: LayerInput;
  /** Rows at the same places as those of the input. */
  readonly target: LayerInput;
  /** Whether products are needed too, which grow with the square of the inputs. */
  readonly products: boolean;
}

/** What is known of the rows that a layer multiplied and of the outputs wanted, group after group. */
export interface FitStatistics {
  rows: number;
  /** Mean of each column of the input, and of its square. */
  mean: Float64Array;
  square: Float64Array;
  /** The same of each output wanted. */
  targetMean: Float64Array;
  targetSquare: Float64Array;
  /** Sum over the rows of the products of every two columns, the upper triangle of columns x columns; empty unless asked for. */
  gram: Float64Array;
  /** Sum over the rows of the products of outputs wanted with columns, outputs x columns; empty unless asked for. */
  products: Float64Array;
}

/** Folds the inputs of a layer and the outputs wanted, run after run. Memory depends on the size of its weight alone. */
export class FitObserver {
  private rows = 0;
  private readonly groups: GroupSums[] = [];

  constructor(private readonly layer: FittedLayer) {}

  /** @throws RangeError when the target does not have the places of the input */
  observe(
    input: { readonly values: Float32Array; readonly shape: readonly number[] },
    target: { readonly values: Float32Array; readonly shape: readonly number[] },
  ): void {
    const { columns } = this.layer.input;
    const outputs = this.layer.target.columns;
    const wanted = layerRows(target.values, target.shape, this.layer.target);
    for (const [group, rows] of layerRows(input.values, input.shape, this.layer.input).entries()) {
      const own = wanted[group]!;
      const count = rows.length / columns;
      if (own.length !== count * outputs)
        throw new RangeError(`there are ${count} rows of inputs for ${own.length / outputs} of outputs`);
      if (group === 0) this.rows += count;
      this.groups[group] ??= emptySums(columns, outputs, this.layer.products);
      const sums = this.groups[group];
      addColumns(rows, sums.sum, sums.square);
      addColumns(own, sums.targetSum, sums.targetSquare);
      if (!this.layer.products) continue;
      accumulateGram(rows, sums.gram);
      accumulateProducts(rows, own, sums.products, columns);
    }
  }

  result(): FitStatistics {
    const all = (sums: (group: GroupSums) => Float64Array) => joined(this.groups.map(sums));
    const mean = (sum: number) => sum / Math.max(this.rows, 1);
    return {
      rows: this.rows,
      mean: all(({ sum }) => sum).map(mean),
      square: all(({ square }) => square).map(mean),
      targetMean: all(({ targetSum }) => targetSum).map(mean),
      targetSquare: all(({ targetSquare }) => targetSquare).map(mean),
      gram: all(({ gram }) => gram),
      products: all(({ products }) => products),
    };
  }
}

interface GroupSums {
  readonly sum: Float64Array;
  readonly square: Float64Array;
  readonly targetSum: Float64Array;
  readonly targetSquare: Float64Array;
  readonly gram: Float64Array;
  readonly products: Float64Array;
}

function emptySums(columns: number, outputs: number, products: boolean): GroupSums {
  return {
    sum: new Float64Array(columns),
    square: new Float64Array(columns),
    targetSum: new Float64Array(outputs),
    targetSquare: new Float64Array(outputs),
    gram: new Float64Array(products ? columns * columns : 0),
    products: new Float64Array(products ? outputs * columns : 0),
  };
}

function addColumns(rows: Float32Array, sums: Float64Array, squares: Float64Array): void {
  for (let i = 0; i < rows.length; )
    for (let c = 0; c < sums.length; c++) {
      const value = rows[i++]!;
      sums[c]! += value;
      squares[c]! += value * value;
    }
}
