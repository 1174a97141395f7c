import { firstOf } from "../data/batches.js";
import { type DatasetSource, openDataset } from "../data/open-dataset.js";
import type { OnProgress } from "../progress.js";
import { measureRuns, summarize } from "../runtime/latency.js";
import { commonInputs } from "../runtime/match-values.js";
import { ModelProcess } from "../runtime/model-process.js";
import type { ReportTrial } from "./report.js";

const NORMAL_95 = 1.959964;

export interface TimedPair extends NonNullable<ReportTrial["latency"]> {
  /** The speedup lies between these with 95 % confidence. */
  interval: [number, number];
}

/** Times two models on one sample, in turn, in one process. */
export async function timePair(
  original: string,
  candidate: string,
  data: DatasetSource,
  options: {
    threads: number;
    runs?: number;
    signal?: AbortSignal | undefined;
    onProgress?: OnProgress | undefined;
  },
): Promise<TimedPair> {
  const { threads, signal } = options;
  await using models = await ModelProcess.start({ signal });
  const first = await models.load(original, { threads });
  const second = await models.load(candidate, { threads });
  const inputs = commonInputs(first, second);
  for await (const batch of await openDataset(data, { inputs, batch: 1 })) {
    const [a, b] = await measureRuns(models, [first, second], firstOf(batch, inputs).feeds, options);
    const ratios = a!.map((time, i) => time / b![i]!).sort((x, y) => x - y);
    return {
      original: figures(a!),
      candidate: figures(b!),
      speedup: ratios[ratios.length >> 1]!,
      interval: medianInterval(ratios),
    };
  }
  throw new Error("openDataset gives no dataset without samples");
}

function figures(times: readonly number[]) {
  const { medianMs, p95Ms, cv } = summarize(times);
  return { medianMs, p95Ms, cv };
}

/** By the ranks that a median lies between (binomial, normal approximation). */
function medianInterval(sorted: readonly number[]): [number, number] {
  const reach = (NORMAL_95 / 2) * Math.sqrt(sorted.length);
  const at = (rank: number) => sorted[Math.max(0, Math.min(sorted.length - 1, Math.round(rank)))]!;
  return [at(sorted.length / 2 - reach - 1), at(sorted.length / 2 + reach)];
}
