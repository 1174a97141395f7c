import type { MetricValue, Report, ReportTrial } from "./report.js";
import type { TimedPair } from "./time-pair.js";

export type Goal = "latency" | "size" | "balanced";

/** What a result is chosen by. */
export interface Wanted {
  readonly goal: Goal;
  readonly maxDrop: number;
  readonly originalBytes: number;
}

/** Gains below these are not worth another model. */
const FASTER = 1.02;
const SMALLER = 0.95;
/** A model that is clearly slower than this is refused even where it is smaller. */
const SLOWEST = 0.8;
/** With this chance of holding the limit on other samples, a trial is as good as any. */
const LIKELY = 0.85;

/** How much a trial costs to run and to store, relative to the original; the less, the better. */
export function costOf(
  { latency, sizeBytes }: ReportTrial,
  { goal, originalBytes }: Pick<Wanted, "goal" | "originalBytes">,
): number {
  const time = 1 / latency!.speedup;
  const size = sizeBytes! / originalBytes;
  if (goal === "latency") return time * size ** 0.1;
  if (goal === "size") return size * time ** 0.1;
  return time * size;
}

/** Whether a trial will hold the limit on other samples too, as far as can be told. */
export function isLikely({ chance = 0 }: ReportTrial): boolean {
  return chance >= LIKELY;
}

/**
 * The trial that becomes the result, by the samples that are there to choose by: the cheapest of those that are likely to hold the
 * limit on other samples too, else the likeliest. A trial that is just within the limit is often beyond it on others, and with few
 * samples even one that changes one answer in a thousand may fail.
 */
export function choose(trials: readonly ReportTrial[], wanted: Wanted): ReportTrial | undefined {
  return ranked(trials, wanted)[0];
}

/** All that may be chosen, the best first. */
export function ranked(trials: readonly ReportTrial[], wanted: Wanted): ReportTrial[] {
  const usable = trials.filter(
    ({ status, latency, metrics }) =>
      status === "measured" &&
      latency !== undefined &&
      latency.speedup >= SLOWEST &&
      metrics[0]!.drop <= wanted.maxDrop,
  );
  const likeliest = Math.max(...usable.map(({ chance = 0 }) => chance));
  return usable
    .filter(({ chance = 0 }) => chance >= Math.min(LIKELY, likeliest))
    .sort((a, b) => costOf(a, wanted) - costOf(b, wanted));
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
    `${latency.speedup.toFixed(2)}x as fast, at least ${slowest.toFixed(2)}x with 95 % confidence${isFaster ? "" : ": too little to count as faster"}`,
    `${sizeRatio.toFixed(2)}x the size`,
    ...(isRight ? [] : whereFew(decisive!, maxDrop)),
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

/** What so few samples cannot tell. */
function whereFew({ interval: [least], samples }: MetricValue, maxDrop: number): string[] {
  if (samples * maxDrop >= 1 || least > maxDrop || maxDrop === 0) return [];
  return [
    `one answer of ${samples} is ${(1 / samples).toFixed(4)}: more data is needed to tell a loss of ${maxDrop} from none`,
  ];
}

export function difference({ drop }: MetricValue): string {
  if (drop === 0) return "±0";
  return `${drop > 0 ? "-" : "+"}${Math.abs(drop).toFixed(4)}`;
}
