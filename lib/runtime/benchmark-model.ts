import { firstOf } from "../data/batches.js";
import { type DatasetSource, openDataset } from "../data/open-dataset.js";
import { randomDataset } from "../data/random-dataset.js";
import { ModelFormatError, outOfRange } from "../errors.js";
import { modelBytes } from "../onnx/model-bytes.js";
import type { OnProgress } from "../progress.js";
import { type Latency, measureRuns, summarize } from "./latency.js";
import { ModelProcess } from "./model-process.js";

export interface BenchmarkModelOptions {
  /** The first sample is what the model runs on; default: seeded random inputs. */
  data?: DatasetSource | undefined;
  /** Default 1, so that times mean the same on every machine. */
  threads?: number | undefined;
  /** Timed runs; default: for two seconds, from 30 to 500, and fewer where those took 20 s. */
  runs?: number | undefined;
  /** Runs before those, not timed; default 10. */
  warmup?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface ModelBenchmark extends Latency {
  runs: number;
  threads: number;
  data: "given" | "random (seeded)";
  /** Shape of each input that was run. */
  inputs: Record<string, number[]>;
  /** Milliseconds from the request to load the model until it can run; the first load of a process also loads onnxruntime. */
  loadMs: number;
  /** Bytes, external data included. */
  size: number;
}

/**
 * Times one model on one sample, in a process of its own.
 *
 * @throws ModelFormatError DATA_MISMATCH where the data does not fit, and what readOnnx and readSafetensors throw
 * @throws ModelOperationError RUNTIME_MISSING, RUNTIME_FAILED or PROCESS_DIED; signal.reason when aborted
 */
export async function benchmarkModel(
  model: string | Uint8Array,
  { data, threads = 1, runs, warmup, signal, onProgress }: BenchmarkModelOptions = {},
): Promise<ModelBenchmark> {
  for (const [name, value] of Object.entries({ threads, runs: runs ?? 1, warmup: warmup ?? 1 }))
    if (!Number.isSafeInteger(value) || value < 1) throw outOfRange("an integer from 1", name, value);
  const size = typeof model === "string" ? modelBytes(model) : model.byteLength;
  await using models = await ModelProcess.start({ signal });
  onProgress?.({ stage: "load", done: 0, total: 1 });
  const start = performance.now();
  const session = await models.load(model, { threads, spinning: true });
  const loadMs = performance.now() - start;
  const { inputs } = session;
  const dataset =
    data === undefined
      ? randomDataset(inputs, { samples: 1 })
      : await openDataset(data, { inputs, samples: 1 });
  for await (const batch of dataset) {
    const { feeds } = firstOf(batch, inputs);
    const [times] = await measureRuns(models, [session], feeds, { runs, warmup, onProgress });
    return {
      ...summarize(times!),
      runs: times!.length,
      threads,
      data: data === undefined ? "random (seeded)" : "given",
      inputs: Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, [...shape]])),
      loadMs,
      size,
    };
  }
  throw new ModelFormatError("DATA_MISMATCH", "the data holds no samples");
}
