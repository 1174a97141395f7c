import { useState } from "preact/hooks";
import type { Report, ReportTrial } from "../../optimize/report.js";
import { Pareto } from "./pareto.js";
import { Name, Prose, Section } from "./parts.js";
import { chosenTrial, goalMetric, metricNames } from "./result.js";
import { type Column, Table } from "./table.js";
import {
  bytes,
  dropInWords,
  factor,
  metricNumber,
  milliseconds,
  plural,
  printable,
  seconds,
  shortName,
} from "./text.js";

/** What was tried: the plot, the trial that is pointed at, and the table of all. */
export function Trials({ report }: { report: Report }) {
  const [current, setCurrent] = useState(chosenTrial(report)?.id ?? report.trials[0]?.id);
  const trial = report.trials.find(({ id }) => id === current);
  if (report.trials.length === 0)
    return (
      <Section
        id="trials"
        title="What was tried"
        takeaway="Nothing: the search ended before its first trial."
      />
    );
  return (
    <Section id="trials" title="What was tried" takeaway={takeaway(report)}>
      <div class="plot-and-details">
        <Pareto report={report} current={current} choose={setCurrent} />
        {trial && <TrialDetails trial={trial} report={report} />}
      </div>
      <Table
        caption="All trials"
        rows={report.trials}
        columns={columns(report, setCurrent)}
        isCurrent={({ id }) => id === current}
      />
    </Section>
  );
}

function takeaway(report: Report): string {
  const { trials, goal } = report;
  const tally = (status: ReportTrial["status"]) => trials.filter((trial) => trial.status === status).length;
  const others = [
    [tally("stopped early"), "stopped early"],
    [tally("failed"), "failed"],
  ]
    .filter(([count]) => count)
    .map(([count, words]) => `${count} ${words}`);
  return `${[plural(trials.length, "candidate"), ...others].join(", ")}, in ${seconds(goal.spentSeconds)}: ${printable(goal.ended)}.`;
}

function TrialDetails({ trial, report }: { trial: ReportTrial; report: Report }) {
  const chosen = trial.id === report.verdict.trial;
  return (
    <aside class="details" aria-live="polite" aria-label="The chosen point">
      <p class="eyebrow">{chosen ? (report.verdict.good ? "Result" : "Best candidate") : trial.status}</p>
      <h3>
        <Name text={trial.label} limit={100} />
      </h3>
      <dl class="facts">
        {trial.metrics.map((metric) => (
          <div key={metric.name}>
            <dt>{shortName(metric.name)}</dt>
            <dd>
              {metricNumber(metric, metric.candidate)}{" "}
              <span class="soft">({dropInWords(metric, metric.drop)})</span>
            </dd>
          </div>
        ))}
        {trial.latency && (
          <div>
            <dt>latency</dt>
            <dd>
              {milliseconds(trial.latency.candidate.medianMs)}{" "}
              <span class="soft">({factor(trial.latency.speedup)} as fast)</span>
            </dd>
          </div>
        )}
        {trial.sizeBytes !== undefined && (
          <div>
            <dt>size</dt>
            <dd>{bytes(trial.sizeBytes)}</dd>
          </div>
        )}
        {trial.file && (
          <div>
            <dt>file</dt>
            <dd>
              <Name text={trial.file} />
            </dd>
          </div>
        )}
      </dl>
      {trial.reason && (
        <p>
          <Prose key={trial.reason} text={trial.reason} />
        </p>
      )}
      <ol class="steps">
        {trial.steps.map((step) => (
          <li key={step}>
            <Prose text={step} />
          </li>
        ))}
      </ol>
      {trial.options.length > 0 && (
        <details>
          <summary>Make it again</summary>
          <pre>{printable(JSON.stringify(trial.options, null, 1)).replaceAll("\\u{a}", "\n")}</pre>
        </details>
      )}
    </aside>
  );
}

function columns(report: Report, choose: (id: string) => void): Column<ReportTrial>[] {
  const name = metricNames(report)[0] ?? "";
  const metricOf = (trial: ReportTrial) => goalMetric(trial.metrics, report);
  return [
    {
      title: "Candidate",
      names: true,
      by: (trial) => trial.label,
      cell: (trial) => (
        <button type="button" class="link" onClick={() => choose(trial.id)}>
          <Name text={trial.label} />
          {trial.id === report.verdict.trial && (
            <span class="chip">{report.verdict.good ? "result" : "best"}</span>
          )}
        </button>
      ),
    },
    {
      title: shortName(name, 24) || "Metric",
      numeric: true,
      by: (trial) => metricOf(trial)?.candidate,
      cell: (trial) => {
        const metric = metricOf(trial);
        return metric ? metricNumber(metric, metric.candidate) : "";
      },
    },
    {
      title: "Drop",
      numeric: true,
      by: (trial) => metricOf(trial)?.drop,
      cell: (trial) => {
        const metric = metricOf(trial);
        return metric ? dropInWords(metric, metric.drop) : "";
      },
    },
    {
      title: "Latency",
      numeric: true,
      by: (trial) => trial.latency?.candidate.medianMs,
      cell: (trial) => trial.latency && milliseconds(trial.latency.candidate.medianMs),
    },
    {
      title: "Speed",
      numeric: true,
      by: (trial) => trial.latency?.speedup,
      cell: (trial) => trial.latency && factor(trial.latency.speedup),
    },
    {
      title: "Size",
      numeric: true,
      by: (trial) => trial.sizeBytes,
      cell: (trial) => trial.sizeBytes !== undefined && bytes(trial.sizeBytes),
    },
    {
      title: "Memory",
      numeric: true,
      by: (trial) => trial.peakMemoryBytes,
      cell: (trial) => trial.peakMemoryBytes !== undefined && bytes(trial.peakMemoryBytes),
    },
    {
      title: "State",
      by: (trial) => trial.status,
      cell: (trial) => `${trial.status}${trial.onFront ? ", on the front" : ""}`,
    },
  ];
}
