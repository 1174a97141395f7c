import { resolve } from "node:path";
import { Option } from "commander";
import { OBSERVER_METHODS, type ObserverMethod } from "../calibrate/observer-methods.js";
import type { ActivationType, QuantizeMode, QuantizeOptions } from "../compress/options.js";
import { PRESETS, type Target } from "../compress/target.js";
import type { BlockOptions } from "../compress/weight-only/block-options.js";
import { ModelProcess } from "../runtime/model-process.js";
import { addBlockOptions } from "./block-options.js";
import { addDataOptions, type DataOptions, dataSource } from "./data-options.js";
import { describeQuantized } from "./describe-quantized.js";
import { readOverrides } from "./read-overrides.js";
import {
  addExamples,
  parseCount,
  parseDecibels,
  parseList,
  parsePercentile,
  parseShare,
  repeated,
  type SharedOptions,
  UsageError,
  type Verb,
} from "./verb.js";

interface QuantizeCommandOptions extends SharedOptions, DataOptions, BlockOptions {
  output: string;
  mode?: QuantizeMode;
  samples?: number;
  calibrate?: ObserverMethod;
  target?: Target;
  activations?: ActivationType;
  symmetric?: boolean;
  percentile?: number;
  calibrationCache?: string;
  weights?: "int8" | "uint8";
  format: "qdq" | "qoperator";
  perChannel: boolean;
  reduceRange?: boolean;
  overrides?: string;
  include?: string[];
  exclude?: string[];
  opTypes?: string[];
  excludeOpTypes?: string[];
  equalize: "auto" | "always" | false;
  keepFloat: "auto" | "none";
  minSqnr?: number;
  rounding?: "nearest" | "compensated";
  correctBias: "auto" | "none" | "analytical" | "empirical";
  weightScales: "max" | "mse";
  smooth?: number | true;
  prepare: boolean;
  sync: boolean;
  requantize?: boolean;
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
        ).choices(["static", "dynamic", "weights", "float16"]),
      )
      .addOption(
        new Option(
          "--target <target>",
          "what the model is to run on; sets types, symmetry and range; default: this machine's processor",
        ).choices(Object.keys(PRESETS)),
      )
      .addOption(
        new Option(
          "--format <format>",
          "how static int8 is written: QuantizeLinear/DequantizeLinear pairs, or integer operators of onnxruntime",
        )
          .choices(["qdq", "qoperator"])
          .default("qdq"),
      )
      .option("--no-prepare", "do not optimise the graph first")
      .option("--no-sync", "do not wait until the disk has the model, as most tools do not")
      .option("--requantize", "quantize what is still in float of a model that is quantized already")
      .optionsGroup("Calibration:");
    addDataOptions(command, { use: "calibration samples" });
    command
      .option("--samples <n>", "how many samples to calibrate with; default all", parseCount)
      .addOption(
        new Option(
          "--calibrate <method>",
          "how ranges are found; default mse, for activations of 16 bits minmax",
        ).choices(OBSERVER_METHODS),
      )
      .option(
        "--percentile <p>",
        "for percentile: percent of the values in the range; default 99.999",
        parsePercentile,
      )
      .option(
        "--calibration-cache <file>",
        "keep the ranges found in this file, and take them from it next time",
      )
      .optionsGroup("Types and scales:")
      .addOption(
        new Option("--activations <type>", "type of activations; default by target").choices([
          "uint8",
          "int8",
          "uint16",
          "int16",
        ]),
      )
      .addOption(
        new Option("--weights <type>", "type of weights; default by target").choices(["int8", "uint8"]),
      )
      .option("--symmetric", "centre the ranges of activations on zero")
      .option("--no-per-channel", "one scale per weight instead of one per output channel")
      .option("--reduce-range", "weights in 7 bits, for x64 processors without VNNI")
      .option("--no-reduce-range", "weights in 8 bits whatever the target")
      .option(
        "--overrides <file>",
        'JSON: by tensor name {"min", "max", "dtype", "symmetric"} or "float" to keep it so',
      )
      .option("--no-keep-io", "mode float16: inputs and outputs in float16 too")
      .optionsGroup("Accuracy:")
      .addOption(
        new Option(
          "--keep-float <which>",
          "auto: the fewest nodes that lose too much in 8 bits, at most a quarter",
        )
          .choices(["auto", "none"])
          .default("auto"),
      )
      .option(
        "--min-sqnr <dB>",
        "what --keep-float auto wants the outputs to keep over some calibration samples; default 20",
        parseDecibels,
      )
      .addOption(
        new Option(
          "--correct-bias <how>",
          "biases make good what int8 takes from the mean of outputs; auto: where the outputs keep little",
        )
          .choices(["auto", "none", "analytical", "empirical"])
          .default("auto"),
      )
      .addOption(
        new Option(
          "--rounding <how>",
          "compensated: weights make good each other's errors, as GPTQ does; default with --bits 4 --data",
        ).choices(["nearest", "compensated"]),
      )
      .addOption(
        new Option("--weight-scales <how>", "mse: cut the largest weights where finer steps gain more")
          .choices(["max", "mse"])
          .default("max"),
      )
      .option(
        "--smooth [alpha]",
        "move large channels of activations into weights, as SmoothQuant does; how much, default 0.5",
        parseShare,
      )
      .addOption(
        new Option("--equalize <when>", "rescale channels: of a model that needs it, or of any")
          .choices(["auto", "always"])
          .default("auto"),
      )
      .option("--no-equalize", "do not rescale channels that are far wider than their neighbours")
      .optionsGroup("Which nodes:")
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
      .option("--exclude-op-types <types>", "leave these operators in float", parseList);
    addBlockOptions(command);
    addExamples(
      command,
      "quantize model.onnx -o model.int8.onnx --data calibration.safetensors",
      "quantize model.onnx -o model.int8.onnx",
      "quantize model.onnx -o model.int8.onnx --data calibration.mjs --target gpu-tensorrt",
      "quantize model.onnx -o model.int8.onnx --mode dynamic --exclude /head/MatMul",
      "quantize model.onnx -o model.int8.onnx --data calibration.mjs --op-types Conv,Gemm --exclude '/neck/*'",
      "quantize model.onnx -o model.q4.onnx --bits 4 --block-size 32",
      "quantize model.onnx -o model.fp16.onnx --mode float16",
      "quantize model.onnx -o model.q4.onnx --bits 4 --weight-format dequantize --no-zero-points",
    );
  },

  async run(
    [model],
    {
      output,
      json: _json,
      quiet: _quiet,
      equalize,
      keepFloat,
      correctBias,
      overrides,
      data,
      input,
      ...options
    },
    { signal, onProgress },
  ) {
    if (resolve(output) === resolve(model!))
      throw new UsageError("--output is the model itself; give the quantized model a name of its own");
    // It starts while the rest is loaded.
    if (data !== undefined) ModelProcess.startSpare();
    const { quantizeModel } = await import("../compress/quantize-model.js");
    const result = await quantizeModel(model!, {
      ...options,
      data: dataSource({ data, input }),
      ...(overrides !== undefined && { overrides: readOverrides<QuantizeOptions["overrides"]>(overrides) }),
      equalize: equalize === "always" ? true : equalize,
      keepFloat: keepFloat === "auto" ? "auto" : false,
      correctBias: correctBias === "none" ? false : correctBias,
      output,
      signal,
      onProgress,
    }).catch((error) => {
      // Options that do not go together.
      throw error instanceof RangeError ? new UsageError(error.message) : error;
    });
    result.model.close();
    const { model: _model, ...facts } = result;
    return { json: { input: model, ...facts }, text: describeQuantized(model!, result) };
  },
};
