import { basename, resolve } from "node:path";
import { Option } from "commander";
import type {
  DenseTensor,
  PruneOptions,
  PruneRepair,
  PruneResult,
  PruneScope,
  PruneScore,
} from "../compress/prune/options.js";
import { pruneModel } from "../compress/prune/prune-model.js";
import { pruneSensitivity } from "../compress/prune/prune-sensitivity.js";
import type { ChannelScore } from "../compress/structured/options.js";
import { colors } from "./colors.js";
import { bytes, milliseconds, percent } from "./format.js";
import {
  addChannelOptions,
  CHANNEL_OPTIONS,
  type ChannelCommandOptions,
  renderChannels,
} from "./prune-channels.js";
import { readOverrides } from "./read-overrides.js";
import { samplesText, sensitivityText } from "./sensitivity-table.js";
import { label, table } from "./table.js";
import {
  addExamples,
  type Outcome,
  parseCount,
  parseShare,
  repeated,
  type SharedOptions,
  UsageError,
  type Verb,
  type VerbContext,
} from "./verb.js";

interface PruneCommandOptions extends SharedOptions, ChannelCommandOptions {
  output?: string;
  sensitivity?: boolean;
  time?: boolean;
  sparsity?: number;
  pattern: string;
  scope: PruneScope;
  score?: PruneScore | ChannelScore;
  data?: string;
  samples?: number;
  repair?: PruneRepair[] | false;
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
      .option("-o, --output <file>", "where to write the pruned model; required without --sensitivity")
      .option(
        "--sparsity <share>",
        "the share of the weights' values that become 0, or of the channels that go; not needed with N:M",
        parseShare,
      )
      .option(
        "--pattern <pattern>",
        "unstructured; N:M: N of each M neighbours along the inputs of a layer stay, such as 2:4; block:RxC: rectangles of R outputs and C inputs go; channel: whole channels go",
        "unstructured",
      )
      .addOption(
        new Option(
          "--scope <scope>",
          "global: all weights or channels together; layer: the same share of each; auto: as many zeros as global, shared out by what each weight costs the outputs",
        )
          .choices(["global", "layer", "auto"])
          .default("global"),
      )
      .addOption(
        new Option(
          "--score <score>",
          "what one threshold compares: lamp (default), which knows of layers of different scale, the plain magnitude, wanda (default with --data), magnitudes times inputs, or sparsegpt, what others cannot make good; of channels: norms of weights (default), their values, or what the others cannot make good (default with --data)",
        ).choices(["lamp", "magnitude", "wanda", "sparsegpt", "l1", "l2", "activation", "reconstruction"]),
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
      .option(
        "--sensitivity",
        "prune nothing: measure what the outputs suffer when each weight alone is pruned so far",
      )
      .option("--data <file>", "calibration samples: a .safetensors file or a .mjs module")
      .option("--samples <n>", "how many samples; default all, or 64 to measure sensitivity", parseCount)
      .option("--time", "also time the model before and after, on one sample and one thread")
      .option("--embeddings", "prune tables of embeddings too")
      .option("--min-size <n>", "leave weights of fewer values alone; default 256", parseCount);
    command
      .optionsGroup("With calibration data:")
      .option(
        "--repair <what>",
        "what is done for weights that stay: least-squares, bias, batch-norm; may be repeated; default least-squares and bias",
        repeated,
      )
      .option("--no-repair", "leave what stays as it is")
      .optionsGroup("Options:");
    addChannelOptions(command);
    addExamples(
      command,
      "prune model.onnx -o model.pruned.onnx --sparsity 0.5",
      "prune model.onnx -o model.pruned.onnx --sparsity 0.8 --scope layer --exclude '/head/*'",
      "prune model.onnx -o model.pruned.onnx --sparsity 0.7 --data calibration.safetensors",
      "prune model.onnx -o model.2-4.onnx --pattern 2:4",
      "prune model.onnx -o model.small.onnx --pattern channel --sparsity 0.4 --data calibration.safetensors",
      "prune model.onnx -o model.pruned.onnx --sparsity 0.7 --scope auto --data calibration.safetensors",
      "prune model.onnx --sensitivity --data calibration.safetensors",
    );
  },

  async run([model], { json: _json, quiet: _quiet, ...command }, { signal, onProgress }) {
    const { output, sensitivity, ...how } = command;
    if (sensitivity) {
      if (output !== undefined) throw new UsageError("--sensitivity writes no model; leave --output out");
      const measured = await pruneSensitivity(model!, { ...how, signal, onProgress });
      return { json: { input: model, ...measured }, text: sensitivityText(model!, measured) };
    }
    if (output === undefined) throw new UsageError("required option '-o, --output <file>' not specified");
    if (resolve(output) === resolve(model!))
      throw new UsageError("--output is the model itself; give the pruned model a name of its own");
    if (how.pattern === "channel") return runChannels(model!, { ...how, output }, { signal, onProgress });
    for (const name of CHANNEL_OPTIONS)
      if (how[name] !== undefined) throw new UsageError(`--${dashed(name)} is for --pattern channel`);
    const { overrides, repair, score, ...options } = how;
    const result = await pruneModel(model!, {
      ...options,
      repair: repair === false ? [] : repair,
      score: score as PruneScore,
      ...(overrides !== undefined && { overrides: readOverrides<PruneOptions["overrides"]>(overrides) }),
      output,
      zip: true,
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

async function runChannels(
  model: string,
  {
    sparsity,
    overrides,
    embeddings,
    minSize,
    repair,
    score,
    scope,
    time,
    ...options
  }: Omit<PruneCommandOptions, "json" | "quiet" | "sensitivity">,
  { signal, onProgress }: VerbContext,
): Promise<Outcome> {
  const values = { overrides, embeddings, time, "min-size": minSize, repair: repair || undefined };
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) throw new UsageError(`--${name} is not for --pattern channel`);
  if (sparsity === undefined) throw new UsageError("--pattern channel needs --sparsity");
  if (scope === "auto") throw new UsageError("--scope auto is not for --pattern channel");
  const result = await pruneModel(model, {
    ...options,
    pattern: "channel",
    sparsity,
    scope,
    score: score as ChannelScore,
    ...(repair === false && { repair }),
    signal,
    onProgress,
  }).catch((error) => {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  });
  result.model.close();
  const { model: _model, ...facts } = result;
  return { json: { input: model, ...facts }, text: renderChannels(model, result) };
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function render(input: string, result: PruneResult): string {
  const { files, layers, dense, values, zeros, sparsity, repairs, warnings, sensitivity } = result;
  const rows = layers.map((layer) => [
    label(layer.name),
    label([...new Set(layer.nodes.map(({ opType }) => opType))].join(", ")),
    String(layer.values),
    percent(layer.sparsity),
  ]);
  return [
    colors.bold(
      `${label(basename(files[0]!))}: ${zeros.after} of ${values} weights are 0 (${percent(sparsity)})`,
    ),
    ...(sensitivity ? [`shared out by runs over ${samplesText(sensitivity)}`] : []),
    "",
    table([["weight", "operator", "values", "zeros"], ...rows]),
    ...(dense.length > 0 ? ["", "left alone:"] : []),
    ...denseLines(dense),
    ...(repairs.length > 0 ? ["", ...repairs.map((repair) => label(repair))] : []),
    ...warnings.map((warning) => `warning: ${label(warning)}`),
    "",
    ...sizeLines(result),
    `next: modelpress compare ${label(input)} ${label(files[0]!)} --data <labelled samples>`,
  ].join("\n");
}

/** What zeros are good for, and what not. */
function sizeLines({ size, latency }: PruneResult): string[] {
  const { before, after, bitmask, zip } = size;
  const about = zip?.estimated ? "about " : "";
  const zipBefore = zip?.before === undefined ? "" : ` (before: ${bytes(zip.before)})`;
  return [
    `${bytes(before)} -> ${bytes(after)}: zeros are stored as every other value, and onnxruntime multiplies by them as by others`,
    ...(zip ? [`in a zip archive ${about}${bytes(zip.after)}${zipBefore}`] : []),
    `with the pruned weights as bitmasks ${bytes(bitmask)}`,
    ...(latency
      ? [
          `latency ${milliseconds(latency.reference.medianMs)} -> ${milliseconds(latency.candidate.medianMs)}, 1 thread`,
        ]
      : []),
  ];
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
