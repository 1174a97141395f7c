import { evaluate } from "./evaluate.js";
import type { OptimizeEvent } from "./events.js";
import { difference, judge, ranked, refuse, type Wanted } from "./gate.js";
import { type PartSizes, partSource } from "./parts.js";
import type { MetricValue, Report, ReportTrial } from "./report.js";
import { timePair } from "./time-pair.js";
import { type TrialContext, trialModel } from "./trial.js";

/** Of the candidates left when the first failed, so many are looked at. */
const MOST_OTHERS = 5;

export interface Verdict {
  verdict: Report["verdict"];
  /** The trial that was judged. */
  chosen?: ReportTrial | undefined;
}

/**
 * Judges the best trial by samples that no choice saw, in two parts. Where it fails the first, those samples are known, and may
 * choose, together with those that chose before, the one that is judged instead: by the second part, which is still unseen.
 */
export async function reachVerdict(
  context: TrialContext,
  trials: readonly ReportTrial[],
  wanted: Wanted,
  sizes: PartSizes,
  onEvent: ((event: OptimizeEvent) => void) | undefined,
): Promise<Verdict> {
  const [first, ...others] = ranked(trials, wanted);
  if (first === undefined) return { verdict: refuse(trials, wanted.maxDrop) };
  const unseen = partSource(context.data, "verdict");
  const reserve = partSource(context.data, "reserve");
  const holds = ([decisive]: readonly MetricValue[]) => decisive!.drop <= wanted.maxDrop;
  const score = (trial: ReportTrial, ...sources: (typeof unseen)[]) =>
    evaluate(context.model, trialModel(context, trial.id), sources, { ...context, goOnToNext: holds });
  const tell = ({ id, label }: ReportTrial, samples: number) =>
    onEvent?.({ event: "gate", trial: id, label, samples });
  const judgeBy = async (trial: ReportTrial, metrics: MetricValue[]): Promise<Verdict> => {
    const model = trialModel(context, trial.id);
    const latency = await timePair(context.model, model, unseen, { ...context, processes: 3 });
    const sizeRatio = trial.sizeBytes! / wanted.originalBytes;
    return { chosen: trial, verdict: judge(trial, { metrics, latency, sizeRatio }, wanted.maxDrop) };
  };

  tell(first, sizes.verdict + sizes.reserve);
  const found = await score(first, unseen, reserve);
  if (found.complete) return judgeBy(first, found.values);
  for (const other of others.slice(0, MOST_OTHERS)) {
    const { values } = await score(other, unseen);
    if (pooledDrop(other.metrics[0]!, values[0]!) > wanted.maxDrop) continue;
    tell(other, sizes.reserve);
    const judged = await judgeBy(other, (await score(other, reserve)).values);
    const { name, samples } = found.values[0]!;
    judged.verdict.reasons.push(
      `${first.label} was chosen before it, and failed on ${samples} other samples: ${difference(found.values[0]!)} ${name}`,
    );
    return judged;
  }
  return judgeBy(first, found.values);
}

/** The mean drop over two sets of samples: of few samples alone, one more that is wrong would be too many. */
function pooledDrop(a: MetricValue, b: MetricValue): number {
  return (a.drop * a.samples + b.drop * b.samples) / (a.samples + b.samples);
}
