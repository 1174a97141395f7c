import { OBSERVER_METHODS, type ObserverMethod } from "../calibrate/observer-methods.js";
import type { DatasetSource } from "../data/open-dataset.js";
import { outOfRange } from "../errors.js";
import type { OnnxModel } from "../onnx/read.js";
import type { OnProgress } from "../progress.js";
import type { CacheUse } from "./calibration-cache.js";
import { checkOverrides } from "./check-overrides.js";
import { detectTarget } from "./detect-target.js";
import { PRESETS, type Target } from "./target.js";
import { type BlockOptions, type BlockSettings, blockSettingsFrom } from "./weight-only/block-options.js";

/**
 * static: weights and activations in int8, ranges found from calibration data (QuantizeLinear/DequantizeLinear pairs).
 * dynamic: weights in int8, activations quantized at run time from their own range.
 * weights: weights stored in 8 or 4 bits and dequantized when used; activations stay float.
 * float16: weights and arithmetic in 16-bit floats, half the size. For GPUs and Arm; onnxruntime on x64 computes in float32 still.
 */
export type QuantizeMode = "static" | "dynamic" | "weights" | "float16";

/** Integer types of activations; onnxruntime has integer kernels for those of 8 bits. */
export type ActivationType = "uint8" | "int8" | "uint16" | "int16";

/** What is to be different for one tensor. */
export interface TensorOverride {
  /** The range, instead of what calibration finds; both or none. */
  min?: number | undefined;
  max?: number | undefined;
  dtype?: ActivationType | undefined;
  symmetric?: boolean | undefined;
}

export interface QuantizeOptions extends BlockOptions {
  /** Where to write the model. Default: it is only returned. */
  output?: string | undefined;
  /** Wait until the disk has the model, so that a power cut leaves the old file or the new one. Default true. */
  sync?: boolean | undefined;
  /** Default: static when data is given, else the one of the others that does not slow this model down. */
  mode?: QuantizeMode | undefined;
  /** Calibration samples for static: a .safetensors, .npz or .mjs path, or an (async) iterable of { feeds }. */
  data?: DatasetSource | undefined;
  /** How many samples to calibrate with. Default: all. */
  samples?: number | undefined;
  /** How the range of an activation is found. Default mse, the smallest mean squared error in 8 bits; minmax for 16 bits. */
  calibrate?: ObserverMethod | undefined;
  /** For calibrate percentile: how many percent of the values lie in the range, from 50 to 100. Default 99.999. */
  percentile?: number | undefined;
  /**
   * A file that keeps what calibration finds. Ranges are taken from it where it was made for the same model, samples and
   * method, else found and written to it. The samples are read once more, to know them again.
   */
  calibrationCache?: string | undefined;
  /**
   * How static int8 is written. qdq: QuantizeLinear and DequantizeLinear around float operators, which onnxruntime fuses
   * when it loads the model; other runtimes read it too. qoperator: the integer operators themselves. Default qdq.
   */
  format?: "qdq" | "qoperator" | undefined;
  /** What the model is to run on; sets the defaults of the next five options. Default: this machine's processor. */
  target?: Target | undefined;
  /** Type of quantized activations. Default uint8; int8 for Arm and TensorRT. 16 bits are for runtimes other than onnxruntime. */
  activations?: ActivationType | undefined;
  /** Centre the ranges of activations on zero. Default false; true for TensorRT. */
  symmetric?: boolean | undefined;
  /** Type of quantized weights. Default int8. */
  weights?: "int8" | "uint8" | undefined;
  /** One scale per output channel of a weight. Default true. */
  perChannel?: boolean | undefined;
  /** Weights in 7 bits: x64 processors without VNNI may overflow 16 bits otherwise. Default false; true for cpu-avx2. */
  reduceRange?: boolean | undefined;
  /** Store biases of integer nodes in int32. Default true; false for TensorRT. */
  quantizeBias?: boolean | undefined;
  /**
   * By tensor name, what is to be different: the range, type or symmetry of an activation, or "float" for an activation
   * or a weight, whose readers and maker then stay in float. An unknown name is an error.
   */
  overrides?: Readonly<Record<string, TensorOverride | "float">> | undefined;
  /**
   * Cross-layer equalization: "auto" rescales the channels of a model whose layers have some far wider than the
   * others, which one range cannot fit; true does so always. Default "auto".
   */
  equalize?: "auto" | boolean | undefined;
  /**
   * "auto" leaves nodes in float that lose too much in 8 bits, as calibration shows (static mode): those whose inputs do,
   * and where the outputs over some calibration samples keep less than `minSqnr`, the fewest others that mend it, at most
   * a quarter. Default "auto".
   */
  keepFloat?: "auto" | false | undefined;
  /** Decibels of signal to noise that keepFloat "auto" wants of the outputs. Default 20. */
  minSqnr?: number | undefined;
  /**
   * How weights are rounded in static mode and in blocks (`bits`). compensated, with `data`: the error of one weight is made
   * good by the others, so that the outputs of each layer over the calibration samples are as right as they can be (GPTQ).
   * Default nearest in static mode, compensated in blocks where `data` is given.
   */
  rounding?: "nearest" | "compensated" | undefined;
  /**
   * Makes good in the biases what quantization takes from the mean of each output of a layer (static mode). analytical:
   * by the error of the weights and the means of the layer's inputs in calibration. empirical: by the means of its outputs,
   * measured in the quantized model, which takes a pass over the samples for each layer after another. auto: analytical
   * where `keepFloat` sees the outputs less than 10 dB above `minSqnr`, and it brings them nearer. Default auto.
   */
  correctBias?: "auto" | "analytical" | "empirical" | false | undefined;
  /**
   * Which part of a channel's range the steps of its weights span. mse: the one whose rounding has the smallest squared
   * error; what lies outside is cut, so that this has no effect with `reduceRange`, which needs the room. Default max, all
   * of it, as onnxruntime's quantizer.
   */
  weightScales?: "max" | "mse" | undefined;
  /**
   * Moves large channels of normalized activations into the weights that multiply them (SmoothQuant, static mode): how
   * much of them, above 0 and below 1; true is 0.5. Default false.
   */
  smooth?: number | boolean | undefined;
  /** Names of the only nodes to quantize; * stands for any characters, ? for one. A name that no node has is an error. */
  include?: readonly string[] | undefined;
  /** Names of nodes to leave in float, or patterns as in `include`. */
  exclude?: readonly string[] | undefined;
  /**
   * The only operator types to quantize. In static mode what is named here is quantized wherever it stands, also where
   * onnxruntime has no integer form of it. Default: what runs faster in integers or is smaller, see the README.
   */
  opTypes?: readonly string[] | undefined;
  /** Operator types to leave in float. */
  excludeOpTypes?: readonly string[] | undefined;
  /** Inputs and outputs of a model in float16 keep their float32. Default true. */
  keepIo?: boolean | undefined;
  /**
   * Run onnxruntime's basic graph optimisation first (constant folding, BatchNorm folding). Default true; modes without data do it
   * only where there may be something to fold.
   */
  prepare?: boolean | undefined;
  /** Quantize what is still in float of a model that is quantized already, which is refused else. Default false. */
  requantize?: boolean | undefined;
  /** Threads for calibration runs. Default: onnxruntime's own choice. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** Options after defaults: what the rewriting steps read. */
export interface QuantizeSettings {
  readonly target: Target;
  readonly activations: ActivationType;
  readonly symmetric: boolean;
  readonly weights: "int8" | "uint8";
  readonly perChannel: boolean;
  readonly reduceRange: boolean;
  readonly quantizeBias: boolean;
  readonly weightScales: "max" | "mse";
  readonly overrides: Readonly<Record<string, TensorOverride | "float">>;
  readonly format: "qdq" | "qoperator";
  /** Where mode weights stores matrix products in blocks. */
  readonly blocks: BlockSettings | undefined;
}

/** What was done with one node that could have been quantized. */
export interface NodeTreatment {
  name: string;
  opType: string;
  treatment: "int8" | "weights int8" | "weights int4" | "float16" | "float" | "merged";
  /** Why, in plain words. */
  reason: string;
}

/** What keepFloat found on some calibration samples. Decibels are of the output that suffers most; Infinity: no change. */
export interface FloatChoice {
  targetDb: number;
  /** With every node in 8 bits but those whose inputs would be ruined, and biases as they will be. */
  beforeDb: number;
  /** With these nodes left in float. */
  afterDb: number;
  /** The same on samples that the nodes were not chosen by; absent where none had to be, or there is only one sample. */
  heldOutDb?: number;
  /** Left in float, worst first: decibels of the outputs when only that node is quantized, and how its weights are stored. */
  nodes: { name: string; opType: string; sqnrDb: number; weights: "int8" | "float16" }[];
}

export interface QuantizeResult {
  /** The quantized model. */
  model: OnnxModel;
  /** What the model was made for, and what that and the options came to. */
  settings: QuantizeSettings;
  /** Files written: the model first, then external data. Empty without `output`. */
  files: string[];
  mode: QuantizeMode;
  /** Why this mode, where modelpress chose it. */
  reason: string;
  nodes: NodeTreatment[];
  /** Calibrated range of every quantized activation, by tensor name; empty unless static. */
  ranges: Record<
    string,
    {
      min: number;
      max: number;
      scale: number;
      zeroPoint: number;
      dtype: ActivationType;
      /** What 8 bits keep of it over the range that calibration found. */
      sqnrDb: number;
    }
  >;
  /** What was done to the float model first so that it quantizes better, in plain words. */
  repairs: string[];
  /** Samples used for calibration. */
  samples: number;
  /** What became of calibrationCache, where static quantization was given one. */
  calibrationCache?: CacheUse;
  /** What keepFloat found; absent where it was off, and in other modes than static. */
  keepFloat?: FloatChoice;
  /** Bytes of the model files, external data included; `after` is 0 without `output`. */
  size: { before: number; after: number };
  warnings: string[];
}

const CHOICES = {
  mode: ["static", "dynamic", "weights", "float16"],
  calibrate: OBSERVER_METHODS,
  format: ["qdq", "qoperator"],
  target: ["cpu-vnni", "cpu-avx2", "cpu-arm", "gpu-tensorrt", "web"],
  activations: ["uint8", "int8", "uint16", "int16"],
  weights: ["int8", "uint8"],
  rounding: ["nearest", "compensated"],
  correctBias: [false, "auto", "analytical", "empirical"],
  weightScales: ["max", "mse"],
} as const satisfies Partial<Record<keyof QuantizeOptions, readonly (string | false)[]>>;

/** Checks options that come from outside TypeScript and fills in defaults. Throws RangeError naming the option. */
export function settingsFrom(options: QuantizeOptions): QuantizeSettings {
  for (const [name, allowed] of Object.entries(CHOICES)) {
    const value = options[name as keyof typeof CHOICES];
    if (value !== undefined && !(allowed as readonly unknown[]).includes(value))
      throw outOfRange(`one of ${allowed.join(", ")}`, name, value);
  }
  const { samples, percentile } = options;
  if (percentile !== undefined && options.calibrate !== "percentile")
    throw outOfRange('"percentile" where percentile is given', "calibrate", options.calibrate ?? "mse");
  if (percentile !== undefined && !(percentile >= 50 && percentile <= 100))
    throw outOfRange("a number from 50 to 100", "percentile", percentile);
  const { minSqnr = 1 } = options;
  if (!(minSqnr > 0 && minSqnr <= 100))
    throw outOfRange("a number above 0, at most 100,", "minSqnr", minSqnr);
  if (samples !== undefined && !(Number.isInteger(samples) && samples > 0))
    throw outOfRange("a positive integer", "samples", samples);
  const { smooth = false } = options;
  if (typeof smooth !== "boolean" && !(smooth > 0 && smooth < 1))
    throw outOfRange("true, false or a number above 0 and below 1", "smooth", smooth);
  const target = options.target ?? detectTarget();
  const preset = PRESETS[target];
  const { perChannel = true, format = "qdq", overrides = {}, weights = preset.weights } = options;
  // uint8 weights go with unsigned activations only, so who asks for them asks for both.
  const { activations = weights === "uint8" ? "uint8" : preset.activations } = options;
  const { symmetric = preset.symmetric, reduceRange = preset.reduceRange } = options;
  const { quantizeBias = preset.quantizeBias, weightScales = "max" } = options;
  if (activations === "int8" && weights === "uint8")
    throw outOfRange(
      "int8 when activations are int8 (no runtime multiplies signed by unsigned)",
      "weights",
      weights,
    );
  checkOverrides(overrides, CHOICES.activations);
  const types = [activations, ...Object.values(overrides).map((each) => each !== "float" && each.dtype)];
  const wide = types.find((type) => type === "uint16" || type === "int16");
  if (wide && format === "qoperator")
    throw outOfRange(
      "qdq for activations of 16 bits (there are no integer operators for them)",
      "format",
      format,
    );
  return {
    target,
    activations,
    symmetric,
    weights,
    perChannel,
    reduceRange,
    quantizeBias,
    weightScales: reduceRange ? "max" : weightScales,
    overrides,
    format,
    blocks: blockSettingsFrom(options),
  };
}
