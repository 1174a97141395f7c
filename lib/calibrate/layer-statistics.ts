import { accumulateGram } from "../linalg/accumulate-gram.js";
import { minMax } from "../minmax/min-max.js";
import { dequantizeLinear } from "../quantize/dequantize-linear.js";
import { quantizeLinear } from "../quantize/quantize-linear.js";
import { joined } from "./joined.js";
import { type LayerInput, layerRows } from "./layer-input.js";

/** What is known of the rows that a layer multiplied, group after group. */
export interface LayerStatistics {
  /** How many rows were taken in. */
  rows: number;
  /** Mean of each column, before and after the rounding that the layer's input meets. */
  mean: Float64Array;
  roundedMean: Float64Array;
  /** Largest magnitude of each column over all values, chosen rows or not; empty for a convolution. */
  largest: Float32Array;
  /** Sum over the rounded rows of the products of every two columns, the upper triangle of columns x columns; empty unless asked for. */
  gram: Float64Array;
}

/** Folds the inputs of one layer, run after run. Memory depends on the number of columns alone. */
export class LayerObserver {
  private rows = 0;
  private readonly groups: GroupSums[] = [];
  private readonly largest: Float32Array;

  constructor(
    private readonly input: LayerInput,
    private readonly withGram: boolean,
  ) {
    this.largest = new Float32Array(input.patches ? 0 : input.columns);
  }

  observe(values: Float32Array, shape: readonly number[]): void {
    const { columns, rounding, patches } = this.input;
    if (!patches) this.foldLargest(values);
    for (const [group, rows] of layerRows(values, shape, this.input).entries()) {
      if (group === 0) this.rows += rows.length / columns;
      const rounded = rounding ? dequantizeLinear(quantizeLinear(rows, rounding), rounding) : rows;
      this.groups[group] ??= {
        sum: new Float64Array(columns),
        roundedSum: new Float64Array(columns),
        gram: new Float64Array(this.withGram ? columns * columns : 0),
      };
      const { sum, roundedSum, gram } = this.groups[group];
      addColumns(rows, sum);
      addColumns(rounded, roundedSum);
      if (this.withGram) accumulateGram(rounded, gram);
    }
  }

  result(): LayerStatistics {
    const all = (sums: (group: GroupSums) => Float64Array) => joined(this.groups.map(sums));
    const mean = (sum: number) => sum / Math.max(this.rows, 1);
    return {
      rows: this.rows,
      mean: all(({ sum }) => sum).map(mean),
      roundedMean: all(({ roundedSum }) => roundedSum).map(mean),
      largest: this.largest,
      gram: all(({ gram }) => gram),
    };
  }

  private foldLargest(values: Float32Array): void {
    const { length } = this.largest;
    const { min, max } = minMax(values, { shape: [values.length / length, length], axis: 1 });
    for (let c = 0; c < length; c++) this.largest[c] = Math.max(this.largest[c]!, max[c]!, -min[c]!);
  }
}

interface GroupSums {
  readonly sum: Float64Array;
  readonly roundedSum: Float64Array;
  readonly gram: Float64Array;
}

function addColumns(rows: Float32Array, sums: Float64Array): void {
  for (let i = 0; i < rows.length; ) for (let c = 0; c < sums.length; c++) sums[c]! += rows[i++]!;
}
