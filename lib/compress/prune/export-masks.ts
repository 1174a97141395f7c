import { ModelOperationError } from "../../errors.js";
import type { OnProgress } from "../../progress.js";
import { writeSafetensors } from "../../safetensors/write.js";
import { Scratch } from "../../scratch.js";
import type { DeferredTensor } from "../../tensor.js";
import { countZeros } from "./mask.js";
import { openSource } from "./open-source.js";
import { type PruneOptions, pruneSettings } from "./options.js";
import type { Weight } from "./weight.js";

export interface ExportMasksOptions extends Pick<PruneOptions, "include" | "exclude"> {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface ExportedMasks {
  files: string[];
  /** Weights that hold zeros, each of which has a mask. */
  masks: { name: string; shape: number[]; values: number; zeros: number }[];
}

/**
 * Writes which values of a pruned model are not 0: for each weight that holds zeros a bool tensor of its name and shape, true where
 * the value stays, in a safetensors file. Training that goes on elsewhere multiplies its weights by them, and applyMasks brings
 * the zeros back afterwards.
 *
 * @param input path of a model or of a file of tensors, or the bytes of an ONNX model
 * @param output path of the safetensors file
 * @throws ModelFormatError for a damaged model; ModelOperationError NOTHING_TO_PRUNE where no weight holds a zero; signal.reason
 */
export async function exportMasks(
  input: string | Uint8Array,
  output: string,
  options: ExportMasksOptions = {},
): Promise<ExportedMasks> {
  const { signal, onProgress } = options;
  const source = openSource(input, pruneSettings({ ...options, sparsity: 0, minSize: 1, embeddings: true }));
  try {
    const context = { path: source.path, signal, onWeight: () => undefined };
    const scratch = new Scratch();
    const tensors = new Map<string, DeferredTensor>();
    const masks: ExportedMasks["masks"] = [];
    for (const weight of source.weights) {
      const { name, shape, count } = weight;
      const zeros = await countZeros(weight, weight.load(scratch), context);
      if (zeros === 0) continue;
      tensors.set(name, maskTensor(weight, scratch));
      masks.push({ name, shape: [...shape], values: count, zeros });
    }
    if (masks.length === 0)
      throw new ModelOperationError(
        "NOTHING_TO_PRUNE",
        `${source.path ?? "the model"}: none of its weights holds a zero, so that there is nothing to mask; prune it first`,
      );
    return { files: await writeSafetensors(output, tensors, { signal, onProgress }), masks };
  } finally {
    source.close();
  }
}

function maskTensor(weight: Weight, scratch: Scratch): DeferredTensor {
  return {
    dtype: "bool",
    shape: weight.shape,
    fill(data) {
      const stays = data as Uint8Array;
      const values = weight.load(scratch);
      for (let i = 0; i < values.length; i++) stays[i] = values[i] === 0 ? 0 : 1;
    },
  };
}
