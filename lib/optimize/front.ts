import type { ReportTrial } from "./report.js";

/** What a trial is weighed by: the less, the better. */
interface Weights {
  drop: number;
  latency: number;
  size: number;
}

/** Times within this factor are the same: a machine is never quiet. */
const SAME_TIME = 1.02;

function weightsOf({ metrics, latency, sizeBytes }: ReportTrial): Weights | undefined {
  const [metric] = metrics;
  if (metric === undefined || latency === undefined || sizeBytes === undefined) return undefined;
  return { drop: metric.drop, latency: 1 / latency.speedup, size: sizeBytes };
}

/** At least as good in everything, and better in something. */
function beats(a: Weights, b: Weights): boolean {
  const noWorse = a.drop <= b.drop && a.latency <= b.latency * SAME_TIME && a.size <= b.size;
  return noWorse && (a.drop < b.drop || a.latency * SAME_TIME < b.latency || a.size < b.size);
}

/** Trials that no other beats in accuracy, latency and size at once (the Pareto front). */
export function paretoFront(trials: readonly ReportTrial[]): Set<ReportTrial> {
  const weighed = trials.flatMap((trial) => {
    const weights = trial.status === "measured" ? weightsOf(trial) : undefined;
    return weights ? [{ trial, weights }] : [];
  });
  return new Set(
    weighed
      .filter(({ weights }) => !weighed.some((other) => beats(other.weights, weights)))
      .map(({ trial }) => trial),
  );
}
