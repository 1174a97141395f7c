import type { DatasetSource } from "../../data/open-dataset.js";
import { outOfRange } from "../../errors.js";
import type { OnProgress } from "../../progress.js";
import { withModels } from "../with-models.js";
import { GraphSource } from "./graph-source.js";
import { type DenseTensor, type PruneOptions, pruneSettings } from "./options.js";
import { type MeasuredSensitivity, measureSensitivity, SPARSITIES } from "./sensitivity.js";

export interface PruneSensitivityOptions
  extends Pick<PruneOptions, "include" | "exclude" | "embeddings" | "minSize"> {
  /** Samples to run: a .safetensors, .npz or .mjs path, or an (async) iterable of { feeds }. Default: seeded random inputs. */
  data?: DatasetSource | undefined;
  /** How many samples. Default 64, or 16 random ones. */
  samples?: number | undefined;
  /** To what each weight is pruned, rising, above 0 to 1. Default 0.1 to 0.9 in tenths, 0.95 and 0.99. */
  sparsities?: readonly number[] | undefined;
  /** Threads for running the model. Default: onnxruntime's own choice. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface PruneSensitivity extends MeasuredSensitivity {
  /** Tensors of floats that are not pruned, and why. */
  dense: DenseTensor[];
}

/**
 * Measures what the outputs of an ONNX model suffer when one weight alone loses its smallest magnitudes, for every weight and every
 * sparsity: which layers can be pruned far, and which cannot. The model is loaded once; each point is a run over the samples.
 *
 * @param input path of a model, or its bytes
 * @throws ModelFormatError for a damaged model, or data that does not fit it
 * @throws ModelOperationError RUNTIME_MISSING, RUNTIME_FAILED, UNSUPPORTED_MODEL for operator sets before 9 or unknown names
 * @throws RangeError for options; signal.reason when aborted
 *
 * @example
 * const { curves } = await pruneSensitivity("model.onnx", { data: "calibration.safetensors" });
 * for (const { name, points } of curves) console.log(name, points);
 */
export async function pruneSensitivity(
  input: string | Uint8Array,
  options: PruneSensitivityOptions = {},
): Promise<PruneSensitivity> {
  const { data, samples, sparsities = SPARSITIES, threads, signal, onProgress } = options;
  const rises = sparsities.every((value, i) => value > (sparsities[i - 1] ?? 0) && value <= 1);
  if (!rises || sparsities.length === 0)
    throw outOfRange("rising numbers above 0, at most 1,", "sparsities", sparsities.join(", "));
  const source = new GraphSource(input, pruneSettings({ ...options, sparsity: 0 }));
  try {
    const measured = await withModels(signal, (models, folder) =>
      measureSensitivity(models, source.model, source.weights, {
        data,
        samples,
        sparsities,
        threads,
        folder,
        onProgress,
      }),
    );
    return { ...measured, dense: [...source.dense] };
  } finally {
    source.close();
  }
}
