import { basename } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { PRESETS, type Target } from "../compress/target.js";
import { describeValue } from "../data/value-info.js";
import { ModelFormatError } from "../errors.js";
import { type FileFormat, recognizeFormat } from "../files/recognize-format.js";
import { inspectModel, type ModelSummary } from "../graph/inspect-model.js";
import { isKnownRelease } from "../lint/check-runtime.js";
import { explainModel } from "../lint/explain-model.js";
import { inspectPickle, type PickleSummary } from "../pickle/inspect-pickle.js";
import { inspectTensors, type TensorFileSummary } from "../tensor-file/inspect-tensors.js";
import { colors } from "./colors.js";
import { describeCompressed } from "./describe-compressed.js";
import { describeExplanation } from "./describe-explanation.js";
import { describePickle } from "./describe-pickle.js";
import { bytes } from "./format.js";
import { label, table } from "./table.js";
import { jsonTensors, tensorTable } from "./tensor-table.js";
import { addExamples, type SharedOptions, UsageError, type Verb } from "./verb.js";

interface InspectOptions extends SharedOptions {
  nodes?: boolean;
  tensors?: boolean;
  stats?: boolean;
  why?: boolean;
  target?: Target;
  runtime?: string;
}

export const inspect: Verb<InspectOptions> = {
  configure(command) {
    command
      .argument(
        "<file>",
        "an ONNX model; a file of tensors: safetensors or the index of several, GGUF, npy, npz; or a pickle of Python, joblib or Torch: what it would run",
      )
      .option("--nodes", "of a model: list every node, with the names that quantize --exclude takes")
      .option("--tensors", "of a model: list its initializers, as of the other files")
      .option("--why", "of a model: which nodes run in integers and which in float, and why")
      .addOption(
        new Option(
          "--target <target>",
          "with --why: what the model is to run on; default: this machine's processor",
        ).choices(Object.keys(PRESETS)),
      )
      .option(
        "--runtime <version>",
        "with --why: the onnxruntime to check for, such as 1.22; default: the installed one",
        parseRelease,
      )
      .option("--stats", "read every tensor: share of zeros, smallest and largest value, NaN");
    addExamples(
      command,
      "inspect model.onnx",
      "inspect model.onnx --nodes",
      "inspect model.int8.onnx --why",
      "inspect model.int8.onnx --why --target cpu-avx2 --runtime 1.22",
      "inspect weights.safetensors --stats",
      "inspect model.gguf --json",
    );
  },

  async run([path], options, { signal, onProgress }) {
    const { nodes = false, tensors = false, stats = false, why = false, target, runtime } = options;
    if (!why && (target !== undefined || runtime !== undefined))
      throw new UsageError("--target and --runtime go with --why");
    const format = recognizeFormat(path!);
    const pickle = pickleIn(path!, format);
    if (pickle) return { json: { model: path, ...pickle }, text: describePickle(basename(path!), pickle) };
    const list = () => inspectTensors(path!, { stats, signal, onProgress });
    if (format !== "onnx") {
      const summary = await list();
      const json = { file: path, ...summary, tensors: jsonTensors(summary.tensors) };
      return { json, text: renderTensors(basename(path!), summary) };
    }
    const summary = inspectModel(path!);
    const { nodes: all, ...rest } = summary;
    const explanation = why
      ? await explainModel(path!, { target, runtimeVersion: runtime, signal })
      : undefined;
    const listed = tensors || stats ? (await list()).tensors : undefined;
    const json = {
      model: path,
      ...rest,
      nodeCount: all.length,
      ...(nodes && { nodes: all }),
      ...(explanation && { why: explanation }),
      ...(listed && { tensors: jsonTensors(listed) }),
    };
    const parts = [
      render(basename(path!), summary, nodes),
      ...(explanation ? [describeExplanation(explanation)] : []),
      ...(listed ? [tensorTable(listed)] : []),
    ];
    return { json, text: parts.join("\n\n") };
  },
};

function parseRelease(text: string): string {
  if (!isKnownRelease(text))
    throw new InvalidArgumentError("Expected a version of onnxruntime from 1.20 on.");
  return text;
}

/** Formats that hold pickles, or may. */
const PICKLED: ReadonlySet<FileFormat> = new Set<FileFormat>([
  "pickle",
  "torch-zip",
  "torch-legacy",
  "zip",
  "compressed",
]);

/** Undefined for a file of another format; one of no known format may be a pickle all the same. */
function pickleIn(path: string, format: FileFormat): PickleSummary | undefined {
  if (PICKLED.has(format)) return inspectPickle(path);
  if (format !== "unknown") return undefined;
  try {
    return inspectPickle(path);
  } catch (error) {
    if (error instanceof ModelFormatError && error.code === "FORMAT_UNKNOWN") return undefined;
    throw error;
  }
}

function renderTensors(name: string, summary: TensorFileSummary): string {
  const { format, files, size, tensors, metadata, others, compressed } = summary;
  const said = Object.entries({ ...metadata, ...others });
  const facts = [
    ["size", `${bytes(size)}${files.length > 1 ? ` in ${files.length} files` : ""}`],
    ["format", format],
    ...(compressed ? describeCompressed(compressed) : []),
    // Many files say "format: pt" of themselves, which is not what they are.
    ...said.map(([key, value]) => [label(key === "format" ? "metadata format" : key), label(value)]),
  ];
  const width = Math.max(...facts.map(([key]) => key!.length));
  return [
    colors.bold(label(name)),
    ...facts.map(([key, value]) => `${key!.padEnd(width)}  ${value}`),
    "",
    tensorTable(tensors),
  ].join("\n");
}

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
