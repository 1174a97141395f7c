import { basename } from "node:path";
import { compareModels, type ModelComparison } from "../runtime/compare-models.js";
import type { Latency } from "../runtime/latency.js";
import { colors } from "./colors.js";
import { addDataOptions, addLabelsOption, type DataOptions, dataSource } from "./data-options.js";
import { bytes, change, decibels, factor, milliseconds, percent, points } from "./format.js";
import { layerTables } from "./layer-tables.js";
import { label, table } from "./table.js";
import {
  addExamples,
  EXIT,
  parseCount,
  parseShare,
  type SharedOptions,
  UsageError,
  type Verb,
} from "./verb.js";

interface CompareOptions extends SharedOptions, DataOptions {
  labels?: string;
  samples?: number;
  maxDrop?: number;
  latency: boolean;
  layers?: boolean;
}

/** Above this spread the times of a machine busy with other things should not be trusted. */
const NOISY_CV = 0.05;

export const compare: Verb<CompareOptions> = {
  configure(command) {
    command
      .argument("<reference>", "the model to compare with")
      .argument("<candidate>", "the model made of it");
    addDataOptions(command, { use: "samples", otherwise: "seeded random inputs" });
    addLabelsOption(command);
    command
      .option("--samples <n>", "how many samples to take", parseCount)
      .option(
        "--max-drop <share>",
        "exit with 3 when accuracy drops by more; 0.01 is one percentage point",
        parseShare,
      )
      .option("--layers", "also rank the nodes, activations and weights by what quantizing them costs")
      .option("--no-latency", "do not time the models");
    addExamples(
      command,
      "compare model.onnx model.int8.onnx",
      "compare model.onnx model.int8.onnx --data test.safetensors --labels y --max-drop 0.01",
      "compare model.onnx model.int8.onnx --data test.safetensors --layers",
    );
  },

  async run([reference, candidate], options, { signal, onProgress }) {
    const { data, labels, samples, threads, maxDrop, latency, layers } = options;
    if (labels !== undefined && data === undefined) throw new UsageError("--labels needs --data");
    if (maxDrop !== undefined && !(labels !== undefined || data?.endsWith(".mjs")))
      throw new UsageError("--max-drop needs labelled data: --data and --labels");
    const result = await compareModels(reference!, candidate!, {
      data: dataSource(options),
      labels,
      samples,
      threads,
      latency,
      layers,
      signal,
      onProgress,
    });
    if (maxDrop !== undefined && result.accuracy === undefined)
      throw new UsageError(`--max-drop needs labels, and the samples of ${data} have none`);
    const gate = maxDrop === undefined ? undefined : { maxDrop, met: isMet(result, maxDrop) };
    return {
      json: { reference, candidate, ...result, ...(gate && { gate }) },
      text: render(basename(candidate!), result, gate),
      exitCode: gate?.met === false ? EXIT.gateNotMet : 0,
    };
  },
};

/** Counted in samples, since a difference of two quotients may miss a limit by a rounding. */
function isMet({ accuracy, samples }: ModelComparison, maxDrop: number): boolean {
  const { reference, candidate } = accuracy!.correct;
  return reference - candidate <= maxDrop * samples + 1e-9;
}

function render(
  name: string,
  result: ModelComparison,
  gate: { maxDrop: number; met: boolean } | undefined,
): string {
  const { size, accuracy, agreement, latency, outputs, samples, data, threads } = result;
  const rows = [
    ["", "reference", "candidate", "change"],
    ["size", bytes(size.reference), bytes(size.candidate), change(size.ratio)],
  ];
  if (accuracy)
    rows.push([
      "accuracy",
      percent(accuracy.reference),
      percent(accuracy.candidate),
      points(accuracy.difference),
    ]);
  if (agreement !== undefined) rows.push(["agreement", "", percent(agreement), ""]);
  if (latency) {
    const row = (what: string, key: keyof Latency, last: string) =>
      rows.push([what, milliseconds(latency.reference[key]), milliseconds(latency.candidate[key]), last]);
    row("latency p50", "medianMs", factor(latency.speedup));
    row("latency p95", "p95Ms", "");
  }
  const differences = outputs.map((output) => [
    label(output.name),
    output.cosine.toFixed(6),
    decibels(output.sqnrDb),
    output.maxAbsError.toExponential(2),
    output.meanAbsError.toExponential(2),
  ]);
  return [
    verdict(name, result, gate),
    "",
    table(rows),
    "",
    table([["output", "cosine", "SQNR", "max error", "mean error"], ...differences]),
    ...nonFiniteWarnings(result),
    ...(result.layers ? layerTables(result.layers) : []),
    "",
    `${samples} samples, ${data}; ${threads === 1 ? "1 thread" : `${threads} threads`}${latency ? `; ${latency.runs} runs${noise(latency)}` : ""}`,
  ].join("\n");
}

function nonFiniteWarnings({ outputs }: ModelComparison): string[] {
  return outputs
    .filter(({ nonFinite }) => nonFinite.reference !== nonFinite.candidate)
    .map(
      ({ name, nonFinite }) =>
        `warning: ${label(name)} has ${nonFinite.candidate} values that are NaN or infinite; the reference has ${nonFinite.reference}`,
    );
}

function verdict(
  name: string,
  { accuracy, agreement, size, latency, outputs }: ModelComparison,
  gate: { maxDrop: number; met: boolean } | undefined,
): string {
  const facts = [
    accuracy ? `accuracy ${points(accuracy.difference)}` : undefined,
    accuracy || agreement === undefined ? undefined : `agreement ${percent(agreement)}`,
    outputs.every(({ exact }) => exact) ? "outputs equal" : undefined,
    `size ${change(size.ratio)}`,
    latency ? `${factor(latency.speedup)} as fast` : undefined,
  ].filter((fact) => fact !== undefined);
  const line = `${label(name)}: ${facts.join(", ")}`;
  if (gate === undefined) return colors.bold(line);
  const limit = `limit -${percent(gate.maxDrop).replace("%", "pt")}`;
  return gate.met ? colors.green(`PASS  ${line} (${limit})`) : colors.red(`FAIL  ${line} (${limit})`);
}

function noise({ reference, candidate }: { reference: Latency; candidate: Latency }): string {
  const cv = Math.max(reference.cv, candidate.cv);
  return cv > NOISY_CV ? ` (noisy: they vary by ${percent(cv)})` : "";
}
