import { bytesOf } from "../tensor.js";
import { type Batch, fixedBatch, rowsOf } from "./batches.js";
import type { Dataset } from "./open-dataset.js";
import type { ValueInfo } from "./value-info.js";

/** Samples kept, spread evenly over the data, and how many a batch gives to either use. */
const MOST_SAMPLES = 32;
const ROWS = 2;
/** What more than a few batches may take. */
const MOST_BYTES = 16 * 2 ** 20;
const FEW_BATCHES = 8;

/**
 * Keeps a few samples while something else reads a dataset: some to choose by, and others that the choice has not seen.
 * Their number does not grow with the data.
 */
export class KeptSamples {
  private kept: Batch[] = [];
  private inputs: readonly ValueInfo[] = [];

  /** The same dataset; each pass over it begins anew. */
  watch(dataset: Dataset, inputs: readonly ValueInfo[]): Dataset {
    this.inputs = inputs;
    const pass = () => this.pass(dataset);
    return { samples: dataset.samples, [Symbol.asyncIterator]: pass };
  }

  /** Samples to choose by, and others to judge the choice by; none of these where the data is a single sample. */
  get parts(): { choosing: Batch[]; heldOut: Batch[] } {
    const choosing: Batch[] = [];
    const heldOut: Batch[] = [];
    for (const [i, batch] of this.kept.entries()) {
      if (batch.count < 2 || fixedBatch(this.inputs) !== undefined)
        (i % 2 === 0 ? choosing : heldOut).push(batch);
      else {
        const rows = Math.min(ROWS, batch.count >> 1);
        choosing.push(rowsOf(batch, 0, rows));
        heldOut.push(rowsOf(batch, rows, 2 * rows));
      }
    }
    return { choosing, heldOut };
  }

  private async *pass(dataset: Dataset): AsyncGenerator<Batch> {
    this.kept = [];
    let [seen, stride] = [0, 1];
    for await (const batch of dataset) {
      if (seen++ % stride === 0) {
        const cut = fixedBatch(this.inputs) === undefined && batch.count > 2 * ROWS;
        this.kept.push(cut ? rowsOf(batch, 0, 2 * ROWS) : batch);
      }
      if (this.tooMany()) {
        this.kept = this.kept.filter((_, i) => i % 2 === 0);
        stride *= 2;
      }
      yield batch;
    }
  }

  private tooMany(): boolean {
    const { kept } = this;
    if (kept.length <= FEW_BATCHES) return false;
    const samples = kept.reduce((sum, { count }) => sum + count, 0);
    return samples > MOST_SAMPLES || kept.reduce((sum, batch) => sum + byteLength(batch), 0) > MOST_BYTES;
  }
}

function byteLength({ feeds }: Batch): number {
  return Object.values(feeds).reduce((sum, { data }) => sum + bytesOf(data).byteLength, 0);
}
