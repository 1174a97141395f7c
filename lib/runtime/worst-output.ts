import { type Batch, withoutPadding } from "../data/batches.js";
import type { ValueInfo } from "../data/value-info.js";
import { elementCount, type Tensor } from "../tensor.js";
import { toNumbers } from "./numbers.js";
import { OutputDifference } from "./output-difference.js";

export type Results = Readonly<Record<string, Tensor>>;

/** The outputs by which two models are compared: those that are floats, or all where none is. */
export function comparedOutputs(outputs: readonly ValueInfo[]): string[] {
  const floats = outputs.filter(({ dtype }) => dtype.startsWith("float"));
  return (floats.length > 0 ? floats : outputs).map(({ name }) => name);
}

/** Folds the outputs of two models, batch by batch, and tells how far the output that suffers most is off. */
export class WorstOutput {
  private readonly differences: OutputDifference[];

  constructor(private readonly names: readonly string[]) {
    this.differences = names.map((name) => new OutputDifference(name));
  }

  add(batch: Batch, reference: Results, candidate: Results): void {
    for (const [i, name] of this.names.entries()) {
      const [ours, theirs] = [reference[name]!, candidate[name]!];
      const length = elementCount(withoutPadding(ours.shape, batch));
      this.differences[i]!.add(toNumbers(ours), toNumbers(theirs), length);
    }
  }

  /** Decibels over all batches; Infinity where nothing differs. */
  get sqnrDb(): number {
    const all = this.differences.map((difference) => difference.result().sqnrDb);
    // A model that gives NaN is as far off as can be.
    return Math.min(...all.map((sqnrDb) => (Number.isNaN(sqnrDb) ? Number.NEGATIVE_INFINITY : sqnrDb)));
  }
}
