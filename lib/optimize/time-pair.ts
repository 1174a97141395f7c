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

export interface TimeOptions {
  threads: number;
  /** Processes that time one after the other: where models happen to lie in memory changes times by a percent or two. Default 1. */
  processes?: number;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** Times two models on one sample, in turn. The interval covers what each of the processes found. */
export async function timePair(
  original: string,
  candidate: string,
  data: DatasetSource,
  { processes = 1, ...options }: TimeOptions,
): Promise<TimedPair> {
  const found: TimedPair[] = [];
  for (let i = 0; i < processes; i++)
    found.push(...(await timeTogether(original, [candidate], data, options)));
  found.sort((a, b) => a.speedup - b.speedup);
  const middle = found[found.length >> 1]!;
  const interval: TimedPair["interval"] = [
    Math.min(...found.map(({ interval: [least] }) => least)),
    Math.max(...found.map(({ interval: [, most] }) => most)),
  ];
  return { ...middle, interval };
}

/** Times candidates and the original on one sample, in turn, in one process: what disturbs one disturbs all. */
export async function timeTogether(
  original: string,
  candidates: readonly string[],
  data: DatasetSource,
  options: Omit<TimeOptions, "processes">,
): Promise<TimedPair[]> {
  const { threads, signal } = options;
  await using models = await ModelProcess.start({ signal });
  const sessions = [];
  for (const path of [original, ...candidates])
    sessions.push(await models.load(path, { threads, spinning: true }));
  const inputs = commonInputs(sessions[0]!, sessions[1]!);
  for await (const batch of await openDataset(data, { inputs, batch: 1 })) {
    const [base, ...times] = await measureRuns(models, sessions, firstOf(batch, inputs).feeds, options);
    return times.map((each) => {
      const ratios = base!.map((time, i) => time / each[i]!).sort((x, y) => x - y);
      return {
        original: figures(base!),
        candidate: figures(each),
        speedup: ratios[ratios.length >> 1]!,
        interval: medianInterval(ratios),
      };
    });
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
