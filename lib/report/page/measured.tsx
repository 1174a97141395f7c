import type { Report } from "../../optimize/report.js";
import { Prose, Section } from "./parts.js";
import { chosenMetrics, chosenTrial, goalMetric } from "./result.js";
import { bytes, metricDistance, number, plural, seconds, shortName, whole } from "./text.js";

/** Where, on what and when: what somebody needs who wants to measure it again. */
export function Measured({ report }: { report: Report }) {
  const { data, goal, machine, model, tool } = report;
  const { calibration, selection, verdict } = data.parts;
  const memory = chosenTrial(report)?.peakMemoryBytes;
  const metric = goalMetric(chosenMetrics(report).metrics, report);
  const allowed = metric ? metricDistance(metric, goal.maxDrop) : number(goal.maxDrop);
  const facts: [string, string][] = [
    ["data", `${data.source}${data.labelled ? ", labelled" : ", without labels"}`],
    [
      "samples",
      `${whole(calibration)} to calibrate, ${whole(selection)} to choose by, ${whole(verdict)} for the verdict; none has two uses`,
    ],
    [
      "asked for",
      `${goal.goal}, ${goal.metric} at most ${allowed} worse, within ${seconds(goal.budgetSeconds)}`,
    ],
    ["machine", `${machine.cpu}, ${plural(machine.cores, "core")}, ${machine.platform}`],
    ["threads", `${machine.threads} for one run of a model`],
    ["software", `modelpress ${tool.version}, onnxruntime ${machine.onnxruntime}, Node ${machine.node}`],
    ["model", `${plural(model.parameters, "parameter")}, ${bytes(model.sizeBytes)}`],
    ["inputs", model.inputs.map(describeValue).join("; ")],
    ["outputs", model.outputs.map(describeValue).join("; ")],
    [
      "peak memory",
      [
        model.peakMemoryBytes !== undefined && `original ${bytes(model.peakMemoryBytes)}`,
        memory !== undefined && `result ${bytes(memory)}`,
      ]
        .filter(Boolean)
        .join(", "),
    ],
    ["date", report.date],
  ];
  return (
    <Section
      id="measured"
      title="How it was measured"
      takeaway="Latencies are of onnxruntime on the machine below, original and candidate in turn; accuracy is on samples that no choice saw."
    >
      <dl class="measured">
        {facts
          .filter(([, text]) => text)
          .map(([name, text]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <Prose text={text} />
              </dd>
            </div>
          ))}
      </dl>
    </Section>
  );
}

function describeValue({ name, dtype, shape }: Report["model"]["inputs"][number]): string {
  const dimensions = shape?.map((size) => (typeof size === "string" ? shortName(size, 20) : size)) ?? [];
  return `${shortName(name, 40)} ${shortName(dtype, 20)}${shape ? ` [${dimensions.join(" \u00d7 ")}]` : ""}`;
}
