import type { OnnxModel } from "../../onnx/read.js";
import type { OnProgress } from "../../progress.js";
import { Scratch } from "../../scratch.js";
import type { Fill } from "../../tensor.js";
import type { Mask } from "./mask.js";
import type { DenseTensor, PruneStorage } from "./options.js";
import type { Weight } from "./weight.js";

export interface WriteOptions {
  readonly storage: PruneStorage;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Something with weights to prune: a graph, or a file of tensors. */
export interface PruneSource {
  readonly path: string | undefined;
  readonly weights: readonly Weight[];
  /** What else holds floats, and why it is left alone. */
  readonly dense: readonly DenseTensor[];
  /** What it consists of; none where it was given as bytes. */
  readonly files: readonly string[];
  /** Of its files together. */
  readonly bytes: number;
  /** Puts pruned weights in place of the others; values are made when they are asked for. */
  apply(masks: readonly Mask[]): void;
  /** Returns the paths written, first the one by which the others are found. */
  write(output: string, options: WriteOptions): Promise<string[]>;
  /** The pruned model, where it is one; of files that were written before where there are any. */
  result(files: readonly string[]): OnnxModel | undefined;
  close(): void;
}

/** Memory for pruning one weight after the other. */
export class PruneScratch {
  private readonly stored = new Scratch();
  private readonly pruned = new Scratch();

  /** Makes the pruned values of a weight in the type that the file has. */
  fillOf({ weight, apply }: Mask): Fill {
    return (out) => {
      const values = weight.load(this.stored);
      if (!weight.store) return apply(values, out as Float32Array);
      const floats = this.pruned.array("float32", [weight.count]) as Float32Array;
      apply(values, floats);
      weight.store(floats, out);
    };
  }
}
