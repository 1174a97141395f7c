import type { MetricValue, Report, ReportTrial } from "../../optimize/report.js";

type Latency = NonNullable<Report["model"]["latency"]>;

/** The trial that the page is about: the result, or the best candidate where the search refused. */
export function chosenTrial(report: Report): ReportTrial | undefined {
  return report.trials.find(({ id }) => id === report.verdict.trial);
}

/** Latencies of original and result, as the verdict measured them or else as the trial did. */
export function chosenLatency(report: Report): { original?: Latency; candidate?: Latency; speedup?: number } {
  const trial = chosenTrial(report);
  const measured = report.verdict.latency ?? trial?.latency;
  const original = measured?.original ?? report.model.latency;
  const speedup = report.verdict.speedup ?? trial?.latency?.speedup;
  return {
    ...(original && { original }),
    ...(measured && { candidate: measured.candidate }),
    ...(speedup !== undefined && measured && { speedup }),
  };
}

/** Metrics of the result: on samples that no choice saw where there are any, else on those it was chosen by. */
export function chosenMetrics(report: Report): { metrics: MetricValue[]; fresh: boolean } {
  if (report.verdict.metrics.length > 0) return { metrics: report.verdict.metrics, fresh: true };
  return { metrics: chosenTrial(report)?.metrics ?? [], fresh: false };
}

/** The metric that the search was asked to hold. */
export function goalMetric(metrics: readonly MetricValue[], report: Report): MetricValue | undefined {
  return metrics.find(({ name }) => name === report.goal.metric) ?? metrics[0];
}

/** Names of metrics that any trial has, the goal's first. */
export function metricNames(report: Report): string[] {
  const names = new Set(report.trials.flatMap(({ metrics }) => metrics.map(({ name }) => name)));
  return [...names].sort((a, b) => Number(b === report.goal.metric) - Number(a === report.goal.metric));
}
