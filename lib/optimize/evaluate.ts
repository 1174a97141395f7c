import { type Batch, withoutPadding } from "../data/batches.js";
import { type DatasetSource, openDataset } from "../data/open-dataset.js";
import { ModelOperationError } from "../errors.js";
import type { OnProgress } from "../progress.js";
import { commonInputs } from "../runtime/match-values.js";
import { ModelProcess } from "../runtime/model-process.js";
import type { Session } from "../runtime/session.js";
import { elementCount, type Tensor } from "../tensor.js";
import type { FlipRates } from "./flips.js";
import type { Metric } from "./metric.js";
import type { MetricValue } from "./report.js";
import { Scores } from "./scores.js";

/** Looked at before the rest: enough to know a candidate that is hopeless. */
const FIRST_LOOK = 64;

export interface EvaluateOptions {
  metrics: readonly Metric[];
  threads: number;
  /** After the first 64 samples, and then now and again: whether to go on. */
  goOn?: ((values: readonly MetricValue[]) => boolean) | undefined;
  /** The same after each source but the last. */
  goOnToNext?: ((values: readonly MetricValue[]) => boolean) | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface Evaluation {
  values: MetricValue[];
  /** Where the decisive metric counts answers among classes. */
  flips: FlipRates | undefined;
  /** False where `goOn` or `goOnToNext` ended it. */
  complete: boolean;
  /** Bytes that a process needed at most to load and run the candidate. */
  peakMemoryBytes: number;
}

/**
 * Runs two models on the same samples, each in a process of its own, and scores both sample by sample, so that the
 * difference has a confidence interval. Memory does not grow with the data.
 *
 * @throws ModelOperationError what Scores throws, UNSUPPORTED_MODEL for outputs that do not count samples, RUNTIME_FAILED
 */
export async function evaluate(
  original: string,
  candidate: string,
  sources: readonly DatasetSource[],
  { metrics, threads, goOn, goOnToNext, signal, onProgress }: EvaluateOptions,
): Promise<Evaluation> {
  await using first = await ModelProcess.start({ signal });
  await using second = await ModelProcess.start({ signal });
  const [ours, theirs] = await Promise.all([
    first.load(original, { threads }),
    second.load(candidate, { threads }),
  ]);
  const scores = new Scores(metrics);
  const scoreBatch = async (batch: Batch) => {
    const [reference, outputs] = await Promise.all([ours.run(batch.feeds), theirs.run(batch.feeds)]);
    for (let row = 0; row < batch.count; row++)
      scores.add(
        {
          label: batch.labels?.[row],
          feeds: rowOf(batch.feeds, batch, row, ours),
          reference: rowOf(reference, batch, row, ours),
        },
        rowOf(outputs, batch, row, theirs),
      );
  };
  let nextLook = FIRST_LOOK;
  const scoreAll = async (source: DatasetSource): Promise<boolean> => {
    for await (const batch of await openDataset(source, { inputs: commonInputs(ours, theirs) })) {
      await scoreBatch(batch);
      onProgress?.({ stage: "judge", done: scores.samples });
      if (!goOn || scores.samples < nextLook) continue;
      if (!goOn(scores.values())) return false;
      nextLook *= 2;
    }
    return true;
  };
  let complete = true;
  for (const [i, source] of sources.entries()) {
    complete = (i === 0 || (goOnToNext?.(scores.values()) ?? true)) && (await scoreAll(source));
    if (!complete) break;
  }
  return {
    values: scores.values(),
    flips: scores.flipRates(),
    complete,
    peakMemoryBytes: await second.peakMemory(),
  };
}

/** What belongs to one sample of a batch. */
function rowOf(
  tensors: Readonly<Record<string, Tensor>>,
  batch: Batch,
  row: number,
  { label }: Session,
): Record<string, Tensor> {
  if (batch.count === 1 && batch.padding === 0) return { ...tensors };
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
      const [rows, ...rest] = withoutPadding(shape, batch);
      if (rows !== batch.count)
        throw new ModelOperationError(
          "UNSUPPORTED_MODEL",
          `${label}: the first size of ${name} does not count the samples of a batch; give one sample at a time`,
        );
      const length = elementCount(rest);
      return [name, { dtype, shape: [1, ...rest], data: data.subarray(row * length, (row + 1) * length) }];
    }),
  );
}
