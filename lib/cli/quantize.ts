import { basename, resolve } from "node:path";
import { Option } from "commander";
import type { ObserverMethod } from "../calibrate/observer.js";
import type { QuantizeMode, QuantizeResult } from "../compress/options.js";
import { quantizeModel } from "../compress/quantize-model.js";
import { colors } from "./colors.js";
import { bytes, change } from "./format.js";
import { label, table } from "./table.js";
import {
  addExamples,
  parseCount,
  parseList,
  repeated,
  type SharedOptions,
  UsageError,
  type Verb,
} from "./verb.js";

interface QuantizeCommandOptions extends SharedOptions {
  output: string;
  mode?: QuantizeMode;
  data?: string;
  samples?: number;
  calibrate: ObserverMethod;
  activations?: "uint8" | "int8";
  weights?: "int8" | "uint8";
  bits: "8";
  format: "qdq" | "qoperator";
  perChannel: boolean;
  reduceRange?: boolean;
  include?: string[];
  exclude?: string[];
  opTypes?: string[];
  excludeOpTypes?: string[];
  equalize: boolean;
  keepFloat: "auto" | "none";
  prepare: boolean;
}

export const quantize: Verb<QuantizeCommandOptions> = {
  configure(command) {
    command
      .argument("<model>", "an ONNX model in float32")
      .requiredOption("-o, --output <file>", "where to write the quantized model")
      .addOption(
        new Option(
          "--mode <mode>",
          "default: static with --data, else what does not slow this model down",
        ).choices(["static", "dynamic", "weights"]),
      )
      .option("--data <file>", "calibration samples: a .safetensors file or a .mjs module")
      .option("--samples <n>", "how many samples to calibrate with; default all", parseCount)
      .addOption(
        new Option("--calibrate <method>", "how ranges are found")
          .choices(["minmax", "percentile", "mse"])
          .default("mse"),
      )
      .addOption(
        new Option("--activations <type>", "type of activations; uint8 is the fast one on x64")
          .choices(["uint8", "int8"])
          .default("uint8"),
      )
      .addOption(new Option("--weights <type>", "type of weights").choices(["int8", "uint8"]).default("int8"))
      .addOption(new Option("--bits <n>", "bits of a weight").choices(["8"]).default("8"))
      .addOption(
        new Option(
          "--format <format>",
          "how static int8 is written: QuantizeLinear/DequantizeLinear pairs, or integer operators of onnxruntime",
        )
          .choices(["qdq", "qoperator"])
          .default("qdq"),
      )
      .option("--no-per-channel", "one scale per weight instead of one per output channel")
      .option("--reduce-range", "weights in 7 bits, for x64 processors without VNNI")
      .addOption(
        new Option("--keep-float <which>", "auto: nodes whose activations lose too much in 8 bits")
          .choices(["auto", "none"])
          .default("auto"),
      )
      .option(
        "--include <node>",
        "quantize only this node; * and ? stand for others; may be repeated",
        repeated,
      )
      .option(
        "--exclude <node>",
        "leave this node in float; * and ? stand for others; may be repeated",
        repeated,
      )
      .option(
        "--op-types <types>",
        "quantize only these operators, separated by commas, and each wherever it stands",
        parseList,
      )
      .option("--exclude-op-types <types>", "leave these operators in float", parseList)
      .option("--no-equalize", "do not rescale channels that are far wider than their neighbours")
      .option("--no-prepare", "do not optimise the graph first");
    addExamples(
      command,
      "quantize model.onnx -o model.int8.onnx --data calibration.safetensors",
      "quantize model.onnx -o model.int8.onnx",
      "quantize model.onnx -o model.int8.onnx --mode dynamic --exclude /head/MatMul",
      "quantize model.onnx -o model.int8.onnx --data calibration.mjs --op-types Conv,Gemm --exclude '/neck/*'",
    );
  },

  async run(
    [model],
    { output, json: _json, quiet: _quiet, bits: _bits, equalize, keepFloat, ...options },
    { signal, onProgress },
  ) {
    if (resolve(output) === resolve(model!))
      throw new UsageError("--output is the model itself; give the quantized model a name of its own");
    const result = await quantizeModel(model!, {
      ...options,
      equalize: equalize ? "auto" : false,
      keepFloat: keepFloat === "auto" ? "auto" : false,
      output,
      signal,
      onProgress,
    });
    result.model.close();
    const { model: _model, ...facts } = result;
    return { json: { input: model, ...facts }, text: render(model!, result) };
  },
};

function render(input: string, result: QuantizeResult): string {
  const { files, mode, reason, nodes, size, samples, repairs, warnings } = result;
  const counts = new Map<string, number>();
  for (const { opType, treatment } of nodes) {
    const key = `${opType}\0${treatment}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const rows = [...counts].map(([key, count]) => [...key.split("\0").map(label), String(count)]);
  const kept = nodes.filter(({ treatment }) => treatment === "float");
  return [
    colors.bold(
      `${label(basename(files[0]!))}: ${bytes(size.before)} -> ${bytes(size.after)} (${change(size.after / size.before)})`,
    ),
    `${mode}: ${reason}${samples > 0 ? `; ${samples} calibration samples` : ""}`,
    "",
    table([["operator", "became", "nodes"], ...rows]),
    ...(kept.length > 0 ? ["", "left in float:"] : []),
    ...kept.map(({ opType, name, reason: why }) => `  ${label(opType)} ${label(name)}: ${why}`),
    ...repairs.map((repair) => `repaired: ${repair}`),
    ...warnings.map((warning) => `warning: ${warning}`),
    "",
    `next: modelpress compare ${label(input)} ${label(files[0]!)} --data <labelled samples>`,
  ].join("\n");
}
