import type { MetricValue, Report } from "../../optimize/report.js";
import { Name, Prose } from "./parts.js";
import { chosenLatency, chosenMetrics, chosenTrial, goalMetric } from "./result.js";
import {
  bytes,
  dropInWords,
  factor,
  metricDistance,
  metricNumber,
  milliseconds,
  shortName,
  whole,
} from "./text.js";
import { Whisker } from "./whisker.js";

/** The verdict in one line, why, and the three numbers that people ask for. */
export function Verdict({ report }: { report: Report }) {
  const { good, line, reasons } = report.verdict;
  return (
    <header id="verdict" class={`verdict ${good ? "good" : "refused"}`}>
      <p class="eyebrow">
        <span class="stamp">
          <span aria-hidden="true">{good ? "\u2713" : "\u2715"}</span> {good ? "Gate passed" : "Refused"}
        </span>
        <Name text={report.model.name} limit={80} />
      </p>
      <h1>
        {/* A line that is as short as others does not end within "top-1". */}
        <Prose text={line.replaceAll(/(?<=[a-z])-(?=\d)/g, "\u2011")} />
      </h1>
      {reasons.length > 0 && (
        <ul class="reasons">
          {reasons.map((reason) => (
            <li key={reason}>
              <Prose text={reason} />
            </li>
          ))}
        </ul>
      )}
      <Figures report={report} />
    </header>
  );
}

function Figures({ report }: { report: Report }) {
  const { metrics, fresh } = chosenMetrics(report);
  const metric = goalMetric(metrics, report);
  return (
    <div class="figures">
      <SizeFigure report={report} />
      <LatencyFigure report={report} />
      {metric ? (
        <MetricFigure metric={metric} report={report} fresh={fresh} />
      ) : (
        <Figure title={report.goal.metric} value="not measured" note="no candidate came so far" />
      )}
    </div>
  );
}

interface FigureProps {
  title: string;
  value: string;
  note: string;
  original?: { value: string; size: number } | undefined;
  result?: { value: string; size: number } | undefined;
}

function Figure({ title, value, note, original, result }: FigureProps) {
  const longest = Math.max(original?.size ?? 0, result?.size ?? 0) || 1;
  return (
    <section class="figure">
      <h2>{shortName(title)}</h2>
      <p class="value">{value}</p>
      <p class="note">{note}</p>
      <dl class="pair">
        {original && <PairRow name="original" {...original} longest={longest} />}
        {result && <PairRow name="result" {...result} longest={longest} />}
      </dl>
    </section>
  );
}

function PairRow({
  name,
  value,
  size,
  longest,
}: {
  name: string;
  value: string;
  size: number;
  longest: number;
}) {
  return (
    <div class={name}>
      <dt>{name}</dt>
      <dd>
        <span class="bar" style={{ width: `${(size / longest) * 100}%` }} />
        <span class="amount">{value}</span>
      </dd>
    </div>
  );
}

function SizeFigure({ report }: { report: Report }) {
  const before = report.model.sizeBytes;
  const after = chosenTrial(report)?.sizeBytes;
  const original = { value: bytes(before), size: before };
  if (after === undefined)
    return (
      <Figure
        title="Size"
        value={bytes(before)}
        note="of the original; there is no result"
        original={original}
      />
    );
  return (
    <Figure
      title="Size"
      value={bytes(after)}
      note={comparison(before, after, "smaller", "larger")}
      original={original}
      result={{ value: bytes(after), size: after }}
    />
  );
}

function LatencyFigure({ report }: { report: Report }) {
  const { original, candidate, speedup } = chosenLatency(report);
  const before = original && { value: milliseconds(original.medianMs), size: original.medianMs };
  if (!candidate)
    return (
      <Figure
        title="Latency"
        value={before?.value ?? "not measured"}
        note={before ? "of the original; there is no result" : "of one sample, median"}
        original={before}
      />
    );
  const ratio = speedup ?? (original ? original.medianMs / candidate.medianMs : 1);
  return (
    <Figure
      title="Latency"
      value={milliseconds(candidate.medianMs)}
      note={ratio === 1 ? "as the original" : `${factor(ratio)} as fast`}
      original={before}
      result={{ value: milliseconds(candidate.medianMs), size: candidate.medianMs }}
    />
  );
}

function comparison(before: number, after: number, less: string, more: string): string {
  if (before === after) return "as the original";
  if (before > after) return after === 0 ? less : `${factor(before / after)} ${less}`;
  return before === 0 ? more : `${factor(after / before)} ${more}`;
}

function MetricFigure({ metric, report, fresh }: { metric: MetricValue; report: Report; fresh: boolean }) {
  return (
    <section class="figure">
      <h2>{shortName(metric.name)}</h2>
      <p class="value">{metricNumber(metric, metric.candidate)}</p>
      <p class="note">
        {dropInWords(metric, metric.drop)}
        {metric.drop !== 0 && ` than ${metricNumber(metric, metric.original)}`}, on {whole(metric.samples)}{" "}
        {fresh ? "samples that no choice saw" : "samples it was chosen by"}
      </p>
      <Whisker metric={metric} maxDrop={report.goal.maxDrop} />
      <p class="key">95 % interval of the drop; allowed: {metricDistance(metric, report.goal.maxDrop)}</p>
    </section>
  );
}
