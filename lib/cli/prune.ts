import { resolve } from "node:path";
import { Option } from "commander";
import { pruneSensitivity } from "../compress/prune/prune-sensitivity.js";
import { recognizeFormat } from "../files/recognize-format.js";
import { modelBytes } from "../onnx/model-bytes.js";
import { addDataOptions, dataSource } from "./data-options.js";
import { addChannelOptions, runChannels } from "./prune-channels.js";
import type { PruneCommandOptions, PruneFlags } from "./prune-flags.js";
import { runMasks } from "./prune-masks.js";
import { runValues } from "./prune-values.js";
import { sensitivityText } from "./sensitivity-table.js";
import { addExamples, parseCount, parseShare, repeated, UsageError, type Verb } from "./verb.js";

/** Larger models are timed where that is asked for: both have to be in memory. */
const MOST_TIMED_BYTES = 1e9;

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
          "global: all weights or channels together; layer: the same share of each; auto: as global, shared out by what weights or channels of each layer cost the outputs",
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
      .addOption(
        new Option(
          "--storage <storage>",
          "dense: in the format of the input; bitmask: as safetensors, pruned weights without their zeros (sparse-bitmask of compressed-tensors), which modelpress convert brings back",
        )
          .choices(["dense", "bitmask"])
          .default("dense"),
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
      );
    addDataOptions(command, { use: "calibration samples" });
    command
      .option("--samples <n>", "how many samples; default all, or 64 to measure sensitivity", parseCount)
      .option("--time", "time the model before and after, on one sample and one thread; default up to 1 GB")
      .option("--no-time", "do not run the models")
      .option("--embeddings", "prune tables of embeddings too")
      .option("--min-size <n>", "leave weights of fewer values alone; default 256", parseCount);
    command
      .optionsGroup("With calibration data:")
      .option(
        "--repair <what>",
        "what is done for weights that stay: least-squares, bias, batch-norm; may be repeated; default least-squares and bias, and all three of channels",
        repeated,
      )
      .option("--no-repair", "leave what stays as it is")
      .optionsGroup("For training elsewhere:")
      .option("--save-masks <file>", "also write which values stay, as .safetensors: a bool for each")
      .option("--masks <file>", "zero what such masks say instead, in a model that was trained further")
      .optionsGroup("Options:");
    addChannelOptions(command);
    addExamples(
      command,
      "prune model.onnx -o model.pruned.onnx --sparsity 0.5",
      "prune model.onnx -o model.pruned.onnx --sparsity 0.8 --scope layer --exclude '/head/*'",
      "prune model.onnx -o model.pruned.onnx --sparsity 0.7 --data calibration.safetensors",
      "prune model.onnx -o model.2-4.onnx --pattern 2:4",
      "prune model.safetensors -o pruned/model.safetensors --sparsity 0.8 --storage bitmask",
      "prune model.onnx -o model.small.onnx --pattern channel --sparsity 0.4 --data calibration.safetensors",
      "prune model.onnx -o model.pruned.onnx --sparsity 0.7 --scope auto --data calibration.safetensors",
      "prune model.onnx -o model.pruned.onnx --sparsity 0.5 --save-masks masks.safetensors",
      "prune tuned.onnx -o tuned.pruned.onnx --masks masks.safetensors",
      "prune model.onnx --sensitivity --data calibration.safetensors",
    );
  },

  async run([model], { json: _json, quiet: _quiet, ...command }, context) {
    const { output, sensitivity, masks, repair, time, data: _data, input: _input, ...how } = command;
    const data = dataSource(command);
    if (sensitivity) {
      if (output !== undefined) throw new UsageError("--sensitivity writes no model; leave --output out");
      const measured = await pruneSensitivity(model!, { ...how, data, ...context });
      return { json: { input: model, ...measured }, text: sensitivityText(model!, measured) };
    }
    if (output === undefined) throw new UsageError("required option '-o, --output <file>' not specified");
    if (resolve(output) === resolve(model!))
      throw new UsageError("--output is the model itself; give the pruned model a name of its own");
    if (masks !== undefined) return runMasks(model!, { ...command, masks, output }, context);
    const flags: PruneFlags = {
      ...how,
      data,
      output,
      repair: repair === false ? [] : repair,
      time: time ?? isTimedByDefault(model!),
    };
    const outcome =
      how.pattern === "channel" ? runChannels(model!, flags, context) : runValues(model!, flags, context);
    return outcome.catch((error) => {
      // Options that do not go together.
      throw error instanceof RangeError ? new UsageError(error.message) : error;
    });
  },
};

function isTimedByDefault(model: string): boolean {
  return recognizeFormat(model) === "onnx" && modelBytes(model) <= MOST_TIMED_BYTES;
}
