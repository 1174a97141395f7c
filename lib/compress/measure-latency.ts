import type { DatasetSource } from "../data/open-dataset.js";
import { ModelFormatError, ModelOperationError } from "../errors.js";
import type { OnProgress } from "../progress.js";
import { compareModels, type ModelComparison } from "../runtime/compare-models.js";

export interface LatencyOptions {
  readonly data?: DatasetSource | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** How long one sample takes before and after, on one thread; or why that could not be measured: what was made is as good without. */
export async function measureLatency(
  before: string,
  after: string,
  { data, signal, onProgress }: LatencyOptions,
): Promise<{ latency?: NonNullable<ModelComparison["latency"]>; warnings: string[] }> {
  try {
    const { latency } = await compareModels(before, after, { data, samples: 1, signal, onProgress });
    return { ...(latency && { latency }), warnings: [] };
  } catch (error) {
    if (!(error instanceof ModelOperationError || error instanceof ModelFormatError)) throw error;
    return { warnings: [`latency was not measured: ${error.message}`] };
  }
}
