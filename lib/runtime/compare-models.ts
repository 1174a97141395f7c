import { type Batch, firstOf } from "../data/batches.js";
import { type DatasetSource, openDataset } from "../data/open-dataset.js";
import { randomDataset } from "../data/random-dataset.js";
import { outOfRange } from "../errors.js";
import { modelBytes } from "../onnx/model-bytes.js";
import type { OnProgress } from "../progress.js";
import type { Accuracy } from "./class-tally.js";
import { compareLayers, type LayerComparison } from "./compare-layers.js";
import { forEachBatch } from "./for-each-batch.js";
import { type Latency, measureRuns, summarize } from "./latency.js";
import { commonInputs } from "./match-values.js";
import { ModelProcess } from "./model-process.js";
import type { OutputComparison } from "./output-difference.js";
import { ResultComparison } from "./result-comparison.js";
import type { Session } from "./session.js";

/** Without data this many random samples are made. */
const RANDOM_SAMPLES = 32;

export interface CompareModelsOptions {
  /** Default: seeded random inputs, which tell how near the outputs are but nothing of accuracy. */
  data?: DatasetSource | undefined;
  /** The tensor of class labels in `data`; samples of modules and iterables carry their own. */
  labels?: string | undefined;
  /** How many samples to compare with; default all, or 32 random ones. */
  samples?: number | undefined;
  /** Threads of each model; default 1, so that times mean the same on every machine. */
  threads?: number | undefined;
  /**
   * Also tell which weights, activations and nodes lose most; the candidate must have QuantizeLinear and DequantizeLinear
   * pairs. Reads the data twice more. Default false.
   */
  layers?: boolean | undefined;
  /** Also time both models; default true. */
  latency?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface ModelComparison {
  samples: number;
  data: "given" | "random (seeded)";
  threads: number;
  /** Only with labels. */
  accuracy?: Accuracy;
  /**
   * Share of samples for which both models choose the same class: the largest value in the last axis of the first float
   * output. Absent where no output is float.
   */
  agreement?: number;
  /** One entry per output, in the reference's order. */
  outputs: OutputComparison[];
  /** Bytes with external data; ratio is candidate / reference. */
  size: { reference: number; candidate: number; ratio: number };
  /** Where the candidate loses what it loses; with `layers`. */
  layers?: LayerComparison;
  /** One sample at a time, both models in turn in one process; speedup above 1 where the candidate is faster. */
  latency?: { reference: Latency; candidate: Latency; speedup: number; runs: number; threads: number };
}

/**
 * Runs two models on the same samples and tells how much the second differs from the first. Outputs are folded batch by
 * batch, so memory does not grow with the data.
 *
 * @throws ModelFormatError DATA_MISMATCH where the data does not fit, and what readOnnx and readSafetensors throw
 * @throws ModelOperationError UNSUPPORTED_MODEL for models whose inputs or outputs cannot be paired, RUNTIME_MISSING,
 * RUNTIME_FAILED or PROCESS_DIED; signal.reason when aborted
 */
export async function compareModels(
  reference: string | Uint8Array,
  candidate: string | Uint8Array,
  options: CompareModelsOptions = {},
): Promise<ModelComparison> {
  const { data, threads = 1, latency = true, layers, signal, onProgress } = options;
  if (!Number.isSafeInteger(threads) || threads < 1)
    throw outOfRange("an integer from 1", "threads", threads);
  const size = { reference: sizeOf(reference), candidate: sizeOf(candidate) };
  await using models = await ModelProcess.start({ signal });
  onProgress?.({ stage: "load", done: 0, total: 2 });
  const first = await models.load(reference, { threads, spinning: true });
  const { result, sample } = await compareResults(first, candidate, { ...options, threads });
  const timed =
    latency && sample !== undefined
      ? await compareLatency(
          models,
          first,
          await models.load(candidate, { threads, spinning: true }),
          sample,
          options,
        )
      : undefined;
  return {
    samples: result.samples,
    data: data === undefined ? "random (seeded)" : "given",
    threads,
    ...result.figures(),
    size: { ...size, ratio: size.candidate / size.reference },
    ...(layers && { layers: await compareLayers(reference, candidate, { ...options, threads }) }),
    ...(timed && { latency: { ...timed, threads } }),
  };
}

/** The two models run at the same time, each in its own process; the candidate's ends here. */
async function compareResults(
  first: Session,
  candidate: string | Uint8Array,
  { data, labels, samples, threads, signal, onProgress }: CompareModelsOptions & { threads: number },
): Promise<{ result: ResultComparison; sample: Batch | undefined }> {
  await using others = await ModelProcess.start({ signal });
  const second = await others.load(candidate, { threads });
  onProgress?.({ stage: "load", done: 2, total: 2 });
  const inputs = commonInputs(first, second);
  const dataset =
    data === undefined
      ? randomDataset(inputs, { samples: samples ?? RANDOM_SAMPLES })
      : await openDataset(data, { inputs, labels, samples });
  const result = new ResultComparison(first, second);
  let sample: Batch | undefined;
  await forEachBatch(
    dataset,
    async (batch) => {
      sample ??= firstOf(batch, inputs);
      const [a, b] = await Promise.all([first.run(batch.feeds), second.run(batch.feeds)]);
      result.add(batch, a, b);
    },
    { stage: "compare", onProgress },
  );
  return { result, sample };
}

async function compareLatency(
  models: ModelProcess,
  first: Session,
  second: Session,
  sample: Batch,
  { onProgress }: CompareModelsOptions,
): Promise<{ reference: Latency; candidate: Latency; speedup: number; runs: number }> {
  const [a, b] = await measureRuns(models, [first, second], sample.feeds, { onProgress });
  const reference = summarize(a!);
  const candidate = summarize(b!);
  return { reference, candidate, speedup: reference.medianMs / candidate.medianMs, runs: a!.length };
}

function sizeOf(model: string | Uint8Array): number {
  return typeof model === "string" ? modelBytes(model) : model.byteLength;
}
