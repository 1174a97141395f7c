import { basename, resolve } from "node:path";
import { Option } from "commander";
import type {
  DenseTensor,
  PruneOptions,
  PruneResult,
  PruneScope,
  PruneScore,
} from "../compress/prune/options.js";
import { pruneModel } from "../compress/prune/prune-model.js";
import { colors } from "./colors.js";
import { bytes, percent } from "./format.js";
import { readOverrides } from "./read-overrides.js";
import { label, table } from "./table.js";
import {
  addExamples,
  parseCount,
  parseShare,
  repeated,
  type SharedOptions,
  UsageError,
  type Verb,
} from "./verb.js";

interface PruneCommandOptions extends SharedOptions {
  output: string;
  sparsity?: number;
  pattern: string;
  scope: PruneScope;
  score: PruneScore;
  overrides?: string;
  include?: string[];
  exclude?: string[];
  embeddings?: boolean;
  minSize?: number;
}

/** Of tensors that are left alone for one reason; --json has them all. */
const SHOWN_NAMES = 3;

export const prune: Verb<PruneCommandOptions> = {
  configure(command) {
    command
      .argument("<model>", "an ONNX model, or a safetensors or GGUF file")
      .requiredOption("-o, --output <file>", "where to write the pruned model")
      .option(
        "--sparsity <share>",
        "the share of the weights' values that become 0; not needed with N:M",
        parseShare,
      )
      .option(
        "--pattern <pattern>",
        "unstructured, or N:M: N of each M neighbours along the inputs of a layer stay, such as 2:4",
        "unstructured",
      )
      .addOption(
        new Option(
          "--scope <scope>",
          "global: one threshold for all weights together; layer: the same share of each",
        )
          .choices(["global", "layer"])
          .default("global"),
      )
      .addOption(
        new Option(
          "--score <score>",
          "what one threshold compares: lamp, which knows of layers of different scale, or the plain magnitude",
        )
          .choices(["lamp", "magnitude"])
          .default("lamp"),
      )
      .option(
        "--overrides <file>",
        'JSON: by name or pattern of a weight or node {"sparsity", "pattern"} or "dense" to leave it alone',
      )
      .option(
        "--include <name>",
        "prune only this weight or node; * and ? stand for others; may be repeated",
        repeated,
      )
      .option(
        "--exclude <name>",
        "leave this weight or node alone; * and ? stand for others; may be repeated",
        repeated,
      )
      .option("--embeddings", "prune tables of embeddings too")
      .option("--min-size <n>", "leave weights of fewer values alone; default 256", parseCount);
    addExamples(
      command,
      "prune model.onnx -o model.pruned.onnx --sparsity 0.5",
      "prune model.onnx -o model.pruned.onnx --sparsity 0.8 --scope layer --exclude '/head/*'",
      "prune model.onnx -o model.2-4.onnx --pattern 2:4",
    );
  },

  async run([model], { output, json: _json, quiet: _quiet, overrides, ...options }, { signal, onProgress }) {
    if (resolve(output) === resolve(model!))
      throw new UsageError("--output is the model itself; give the pruned model a name of its own");
    const result = await pruneModel(model!, {
      ...options,
      ...(overrides !== undefined && { overrides: readOverrides<PruneOptions["overrides"]>(overrides) }),
      output,
      signal,
      onProgress,
    }).catch((error) => {
      // A share or pattern that cannot be.
      throw error instanceof RangeError ? new UsageError(error.message) : error;
    });
    result.model?.close();
    const { model: _model, ...facts } = result;
    return { json: { input: model, ...facts }, text: render(model!, result) };
  },
};

function render(input: string, result: PruneResult): string {
  const { files, layers, dense, values, zeros, sparsity, size, warnings } = result;
  const rows = layers.map((layer) => [
    label(layer.name),
    label([...new Set(layer.nodes.map(({ opType }) => opType))].join(", ")),
    String(layer.values),
    percent(layer.sparsity),
  ]);
  return [
    colors.bold(
      `${label(basename(files[0]!))}: ${zeros.after} of ${values} weights are 0 (${percent(sparsity)}), ${bytes(size.after)}`,
    ),
    "",
    table([["weight", "operator", "values", "zeros"], ...rows]),
    ...(dense.length > 0 ? ["", "left alone:"] : []),
    ...denseLines(dense),
    ...warnings.map((warning) => `warning: ${label(warning)}`),
    "",
    "ONNX stores zeros as every other value: the file is as large as before, and onnxruntime as fast. Compressed, it is smaller.",
    `next: modelpress compare ${label(input)} ${label(files[0]!)} --data <labelled samples>`,
  ].join("\n");
}

/** Tensors with the same reason on one line. */
function denseLines(dense: readonly DenseTensor[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of dense) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return [...byReason].map(([reason, names]) => {
    const shown = names.slice(0, SHOWN_NAMES).map(label).join(", ");
    const more = names.length > SHOWN_NAMES ? `, ... ${names.length} in all` : "";
    return `  ${label(reason)}: ${shown}${more}`;
  });
}
