import type { Goal } from "./proposals.js";
import type { MetricValue, Report, ReportTrial } from "./report.js";
import type { TimedPair } from "./time-pair.js";

/** Gains below these are not worth another model. */
const FASTER = 1.02;
const SMALLER = 0.95;
/** A model that is clearly slower than this is refused even where it is smaller. */
const SLOWEST = 0.8;

/** How much a trial costs to run and to store, relative to the original; the less, the better. */
function costOf({ latency, sizeBytes }: ReportTrial, goal: Goal, originalBytes: number): number {
  const time = 1 / latency!.speedup;
  const size = sizeBytes! / originalBytes;
  if (goal === "latency") return time * size ** 0.1;
  if (goal === "size") return size * time ** 0.1;
  return time * size;
}

/**
 * The trial that becomes the result, by the samples that are there to choose by: the cheapest of those with room to the limit,
 * else of those within it. Chance favours the one that is chosen, so that one just within the limit is often beyond it.
 */
export function choose(
  trials: readonly ReportTrial[],
  { goal, maxDrop, originalBytes }: { goal: Goal; maxDrop: number; originalBytes: number },
): ReportTrial | undefined {
  const usable = trials.filter(
    ({ status, latency }) => status === "measured" && latency !== undefined && latency.speedup >= SLOWEST,
  );
  for (const limit of [maxDrop / 2, maxDrop]) {
    const within = usable.filter(({ metrics }) => metrics[0]!.drop <= limit);
    const [best] = within.sort((a, b) => costOf(a, goal, originalBytes) - costOf(b, goal, originalBytes));
    if (best) return best;
  }
  return undefined;
}

export interface Judged {
  metrics: MetricValue[];
  latency: TimedPair;
  sizeRatio: number;
}

/** Judges the chosen trial by samples that no choice saw. */
export function judge(
  trial: ReportTrial,
  { metrics, latency, sizeRatio }: Judged,
  maxDrop: number,
): Report["verdict"] {
  const [decisive] = metrics;
  const { name, drop, samples } = decisive!;
  const [slowest] = latency.interval;
  const isRight = drop <= maxDrop;
  const isFaster = slowest > FASTER;
  const isSmaller = sizeRatio < SMALLER;
  const isSlow = latency.interval[1] < SLOWEST;
  const reasons = [
    `${name} on ${samples} samples that no choice saw: ${difference(decisive!)}, where a loss of ${maxDrop} is allowed`,
    isFaster
      ? `${latency.speedup.toFixed(2)}x as fast, at least ${slowest.toFixed(2)}x with 95 % confidence`
      : `not faster beyond the noise (${latency.speedup.toFixed(2)}x, at least ${slowest.toFixed(2)}x)`,
    `${sizeRatio.toFixed(2)}x the size`,
  ];
  const good = isRight && (isFaster || isSmaller) && !isSlow;
  const facts = `${difference(decisive!)} ${name}, ${latency.speedup.toFixed(2)}x as fast, ${sizeRatio.toFixed(2)}x the size`;
  return {
    good,
    line: good
      ? `${trial.label} is good: ${facts}`
      : `no candidate is good: ${trial.label} ${isRight ? (isSlow ? "is slower" : "gains too little") : "loses too much"} (${facts})`,
    reasons,
    metrics,
    sizeRatio,
    speedup: latency.speedup,
    latency: { original: latency.original, candidate: latency.candidate },
    trial: trial.id,
  };
}

/** Where not even the samples to choose by let a candidate pass. */
export function refuse(trials: readonly ReportTrial[], maxDrop: number): Report["verdict"] {
  const measured = trials.filter(({ metrics }) => metrics.length > 0);
  const [nearest] = measured.sort((a, b) => a.metrics[0]!.drop - b.metrics[0]!.drop);
  const reasons = trials.map(({ label, status, reason, metrics, latency }) => {
    if (reason) return `${label}: ${reason}`;
    const slow = latency && latency.speedup < SLOWEST ? `, ${latency.speedup.toFixed(2)}x as fast` : "";
    return `${label}: ${status}, ${difference(metrics[0]!)} ${metrics[0]!.name}${slow}`;
  });
  return {
    good: false,
    line: nearest
      ? `no candidate holds ${nearest.metrics[0]!.name} within ${maxDrop} without being slower; the nearest is ${nearest.label} (${difference(nearest.metrics[0]!)})`
      : "no candidate could be made of this model",
    reasons,
    metrics: [],
  };
}

function difference({ drop }: MetricValue): string {
  if (drop === 0) return "±0";
  return `${drop > 0 ? "-" : "+"}${Math.abs(drop).toFixed(4)}`;
}
