import { ModelOperationError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { type FlipRates, Flips } from "./flips.js";
import type { Metric, ScoredSample } from "./metric.js";
import { PairedValues } from "./paired-drop.js";
import type { MetricValue } from "./report.js";

/** What metrics say of two models, sample by sample. */
export class Scores {
  /** Samples that were scored. */
  samples = 0;
  private readonly pairs: readonly { metric: Metric; paired: PairedValues }[];
  private readonly flips: Flips | undefined;

  /** @param metrics the first decides */
  constructor(metrics: readonly Metric[]) {
    this.pairs = metrics.map((metric) => ({ metric, paired: new PairedValues(metric.higherIsBetter) }));
    this.flips = metrics[0]?.countsAnswers ? new Flips() : undefined;
  }

  /**
   * Scores one sample.
   *
   * @param sample what the original made of it
   * @param outputs what the candidate made of it
   * @throws ModelOperationError METRIC_FAILED where a metric has no number for the original, OUTPUT_INVALID where it has none for
   *   the candidate
   */
  add(sample: Omit<ScoredSample, "outputs">, outputs: Readonly<Record<string, Tensor>>): void {
    this.samples++;
    for (const { metric, paired } of this.pairs) {
      const own = this.score(metric, { ...sample, outputs: sample.reference }, "METRIC_FAILED");
      paired.add(own, this.score(metric, { ...sample, outputs }, "OUTPUT_INVALID"));
    }
    const label = this.pairs[0]!.metric.needsLabels ? sample.label : undefined;
    this.flips?.add({ ...sample, outputs, label });
  }

  values(): MetricValue[] {
    return this.pairs.map(({ metric: { name, higherIsBetter }, paired }) => ({
      name,
      higherIsBetter,
      ...paired.result(),
    }));
  }

  /** Where the decisive metric counts answers among classes. */
  flipRates(): FlipRates | undefined {
    return this.flips?.result();
  }

  private score(metric: Metric, sample: ScoredSample, code: "METRIC_FAILED" | "OUTPUT_INVALID"): number {
    const what = `${metric.name} of the ${code === "METRIC_FAILED" ? "original" : "candidate"}, sample ${this.samples}`;
    let score: unknown;
    try {
      score = metric.score(sample);
    } catch (cause) {
      throw new ModelOperationError(code, `${what}: ${(cause as Error).message}`, { cause });
    }
    if (!Number.isFinite(score))
      throw new ModelOperationError(code, `${what}: a number is wanted, and it is ${describe(score)}`);
    return score as number;
  }
}

function describe(score: unknown): string {
  if (typeof score === "object" && score !== null) return score.constructor?.name ?? "an object";
  return String(score);
}
