import { basename } from "node:path";
import { describeValue } from "../data/value-info.js";
import { recognizeFormat } from "../files/recognize-format.js";
import { inspectModel, type ModelSummary } from "../graph/inspect-model.js";
import { inspectPickle } from "../pickle/inspect-pickle.js";
import { colors } from "./colors.js";
import { describePickle } from "./describe-pickle.js";
import { bytes } from "./format.js";
import { label, table } from "./table.js";
import { addExamples, type SharedOptions, type Verb } from "./verb.js";

interface InspectOptions extends SharedOptions {
  nodes?: boolean;
}

export const inspect: Verb<InspectOptions> = {
  configure(command) {
    command
      .argument("<model>", "an ONNX model, or a pickle of Python, joblib or Torch: what it would run")
      .option("--nodes", "list every node, with the names that quantize --exclude takes");
    addExamples(command, "inspect model.onnx", "inspect model.onnx --nodes", "inspect model.onnx --json");
  },

  async run([model], { nodes }) {
    if (PICKLED.has(recognizeFormat(model!))) {
      const summary = inspectPickle(model!);
      return { json: { model, ...summary }, text: describePickle(basename(model!), summary) };
    }
    const summary = inspectModel(model!);
    const { nodes: all, ...rest } = summary;
    const json = { model, ...rest, nodeCount: all.length, ...(nodes && { nodes: all }) };
    return { json, text: render(basename(model!), summary, nodes ?? false) };
  },
};

/** Formats that hold pickles, or may. */
const PICKLED = new Set(["pickle", "torch-zip", "torch-legacy", "zip", "compressed"]);

const QUANTIZATION = {
  none: "not quantized",
  static: "quantized statically",
  dynamic: "quantized dynamically",
  weights: "weights quantized",
};

function render(name: string, summary: ModelSummary, listNodes: boolean): string {
  const { size, irVersion, producer, opsets, inputs, outputs, ops, parameters, nodes, quantization } =
    summary;
  const sets = Object.entries(opsets).map(([domain, version]) => `${label(domain) || "ai.onnx"} ${version}`);
  const evidence =
    quantization.evidence.length > 0 ? ` (${quantization.evidence.map(label).join(", ")})` : "";
  const facts = [
    ["size", bytes(size)],
    ["format", `ONNX IR ${irVersion}, opset ${sets.join(", ")}`],
    ...(producer ? [["made by", label(producer)]] : []),
    ["quantization", `${QUANTIZATION[quantization.kind]}${evidence}`],
    ...inputs.map((value) => ["input", describe(value)]),
    ...outputs.map((value) => ["output", describe(value)]),
  ];
  const width = Math.max(...facts.map(([key]) => key!.length));
  const types = Object.entries(parameters).map(([dtype, count]) => [
    dtype,
    String(count.tensors),
    String(count.elements),
    bytes(count.bytes),
  ]);
  return [
    colors.bold(label(name)),
    ...facts.map(([key, value]) => `${key!.padEnd(width)}  ${value}`),
    "",
    table([["stored as", "tensors", "values", "size"], ...types]),
    "",
    table([["operator", "count"], ...Object.entries(ops).map(([op, count]) => [label(op), String(count)])]),
    ...(listNodes ? ["", ...nodes.map((node) => `${label(node.opType)}  ${label(node.name)}`)] : []),
  ].join("\n");
}

function describe({ name, dtype, shape }: ModelSummary["inputs"][number]): string {
  return label(describeValue({ name, dtype, shape: shape ?? ["..."] }));
}
