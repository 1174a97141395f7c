import { basename } from "node:path";
import { inspectModel } from "../graph/inspect-model.js";
import { compareLayers, type LayerComparison } from "../runtime/compare-layers.js";
import { describeLayers } from "./describe-layers.js";
import { partSource } from "./parts.js";
import type { Report, ReportTrial } from "./report.js";
import { beforeLastStep, type TrialContext, type TrialRecord, trialModel } from "./trial.js";

/** What the original is. */
export function describeModel(
  path: string,
  sizeBytes: number,
  trials: readonly ReportTrial[],
): Report["model"] {
  const { inputs, outputs, parameters } = inspectModel(path);
  const timed = trials.find(({ latency }) => latency !== undefined)?.latency;
  return {
    name: basename(path),
    sizeBytes,
    parameters: Object.values(parameters).reduce((sum, { elements }) => sum + elements, 0),
    inputs,
    outputs,
    ...(timed && { latency: timed.original }),
  };
}

/** What became of the original's layers in a trial. */
export async function describeBest(
  context: TrialContext,
  record: TrialRecord,
): Promise<Pick<Report, "layers" | "ops" | "graph">> {
  const path = trialModel(context, record.trial.id);
  const layers = describeLayers(context.model, path, record, await layerErrors(context, record.trial, path));
  const errors = new Map(layers.map(({ name, sqnrDb }) => [name, sqnrDb]));
  const precisions = new Map(record.nodes.map(({ name, treatment }) => [name, PRECISIONS[treatment]]));
  const nodes = inspectModel(path).nodes.map(({ name, opType, inputs, outputs }) => {
    const sqnrDb = errors.get(name);
    return {
      name,
      opType,
      inputs,
      outputs,
      precision: precisions.get(name) ?? "float32",
      ...(sqnrDb !== undefined && { sqnrDb }),
    };
  });
  return { layers, ops: opsOf(context.model, path), graph: { nodes } };
}

const PRECISIONS = {
  int8: "int8",
  "weights int8": "int8 weights",
  "weights int4": "int4 weights",
  float16: "float16",
  float: "float32",
  merged: "int8",
} as const;

/** Only pairs of QuantizeLinear and DequantizeLinear can be looked into. */
async function layerErrors(
  context: TrialContext,
  trial: ReportTrial,
  path: string,
): Promise<LayerComparison | undefined> {
  if (inspectModel(path).ops.QuantizeLinear === undefined) return undefined;
  const { data, threads, signal, onProgress } = context;
  return compareLayers(beforeLastStep(context, trial), path, {
    data: partSource(data, "selection"),
    samples: 64,
    threads,
    signal,
    onProgress,
  });
}

/** How often each operator stands in either. */
export function opsOf(before: string, after: string): Report["ops"] {
  return { before: inspectModel(before).ops, after: inspectModel(after).ops };
}
