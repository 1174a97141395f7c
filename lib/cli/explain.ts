import { join } from "node:path";
import { readReport } from "../optimize/read-report.js";
import type { Report, ReportLayer } from "../optimize/report.js";
import { colors } from "./colors.js";
import { bytes, decibels } from "./format.js";
import { beginning, label, printable, table } from "./table.js";
import { addExamples, UsageError, type Verb } from "./verb.js";
import { wrap } from "./wrap.js";

export const explain: Verb = {
  configure(command) {
    command
      .argument("<folder>", "what modelpress optimize wrote, or its report.json")
      .argument("[node]", "the node to explain; default: all, in a table");
    addExamples(command, "explain best", "explain best /encoder/layer.0/attention/MatMul");
  },

  async run([folder, node]) {
    const report = readReport(reportPath(folder!));
    if (node === undefined) return { json: { layers: report.layers }, text: renderAll(report) };
    const layer = report.layers.find(({ name }) => name === node);
    if (layer === undefined)
      throw new UsageError(
        `no node is called ${JSON.stringify(node)}; "modelpress explain ${folder}" lists them`,
      );
    return { json: { layer, ...costToChange(report, layer) }, text: renderOne(report, layer) };
  },
};

/** Of a folder, the report in it. */
function reportPath(path: string): string {
  return path.endsWith(".json") ? path : join(path, "report.json");
}

/** Longer reasons are told of a node by itself. */
const MAX_REASON = 400;

/** The nodes as a table, with the reason for each below it: beside it, it would be cut or leave the terminal. */
function renderAll({ layers, verdict }: Report): string {
  const [heading, ...rows] = table([
    ["node", "operator", "treatment", "bytes", "alone"],
    ...layers.map(({ name, opType, treatment, bytes: { before, after }, sqnrDb }) => [
      label(name),
      label(opType),
      label(treatment),
      `${bytes(before)} -> ${bytes(after)}`,
      sqnrDb === undefined ? "" : decibels(sqnrDb ?? Number.POSITIVE_INFINITY),
    ]),
  ]).split("\n");
  // What is read by another program stays on one line.
  const width = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  const reasons = layers.map(({ reason }) => wrap(beginning(reason, MAX_REASON), width, "    "));
  return [
    colors.bold(printable(verdict.line)),
    "",
    heading!,
    ...rows.flatMap((row, i) => [row, reasons[i]!]),
  ].join("\n");
}

function renderOne(report: Report, layer: ReportLayer): string {
  const { name, opType, treatment, reason, bytes: size, sqnrDb, weightSqnrDb, ranges = [] } = layer;
  const { saved, errorRank } = costToChange(report, layer);
  return [
    colors.bold(`${printable(name)} (${printable(opType)}): ${printable(treatment)}`),
    `  ${printable(reason)}`,
    `  its weights take ${bytes(size.after)}, ${bytes(size.before)} before`,
    ...(weightSqnrDb === undefined
      ? []
      : [`  its weight alone is right to ${decibels(weightSqnrDb ?? Number.POSITIVE_INFINITY)}`]),
    ...(sqnrDb === undefined
      ? []
      : [
          `  when only this node is quantized, the outputs are right to ${decibels(sqnrDb ?? Number.POSITIVE_INFINITY)}${errorRank === undefined ? "" : `: number ${errorRank} of those that cost most`}`,
        ]),
    ...ranges.map(
      ({ tensor, min, max, scale, zeroPoint, dtype }) =>
        `  ${label(tensor)} lies in ${min.toPrecision(4)} to ${max.toPrecision(4)}, as ${report.data.parts.calibration} calibration samples show: ${dtype}, scale ${scale.toPrecision(4)}, zero point ${zeroPoint}`,
    ),
    saved > 0
      ? `  leaving it in float would cost ${bytes(saved)} (modelpress quantize --exclude ${JSON.stringify(name)})`
      : "  leaving it as it was would change nothing in size",
  ].join("\n");
}

/** What leaving the node in float would add in bytes, and how it ranks among those that cost accuracy, from 1. */
function costToChange({ layers }: Report, layer: ReportLayer): { saved: number; errorRank?: number } {
  const saved = Math.max(0, layer.bytes.before - layer.bytes.after);
  if (typeof layer.sqnrDb !== "number") return { saved };
  const own = layer.sqnrDb;
  const worse = layers.filter(({ sqnrDb }) => typeof sqnrDb === "number" && sqnrDb < own);
  return { saved, errorRank: worse.length + 1 };
}
