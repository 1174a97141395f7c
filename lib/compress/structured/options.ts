import type { DatasetSource } from "../../data/open-dataset.js";
import { outOfRange } from "../../errors.js";
import type { OnnxModel } from "../../onnx/read.js";
import type { OnProgress } from "../../progress.js";
import type { ModelComparison } from "../../runtime/compare-models.js";
import { type PruneRepair, type Repairs, repairsOf } from "../prune/repair/repairs.js";

export type ChannelScore = "l1" | "l2" | "activation" | "reconstruction";

export type ChannelScope = "global" | "layer" | "auto";

export interface PruneChannelsOptions {
  /** Whole channels: filters of convolutions, units of linear layers, heads of attention. */
  pattern: "channel";
  /** Where to write the model. Default: it is only returned. */
  output?: string | undefined;
  /**
   * The share of the channels to take out, above 0 and below 1. With scope global each channel counts as the multiplications
   * that it takes part in, so that half of them saves about three quarters of these where every layer loses half.
   */
  sparsity: number;
  /**
   * global: those channels of all layers whose layers lose least. layer: the same share of each layer. auto: as global, but what layers
   * lose counts as the outputs of the model show it, in a run over up to 64 samples of `data` for each group of layers; for score
   * reconstruction. Default global.
   */
  scope?: ChannelScope | undefined;
  /**
   * What a channel is worth. l1, l2: the norm of the weights that make it, over the mean of its layer. activation: the root of
   * the mean square of its values, by calibration data. reconstruction: how much of the outputs of the layers that read it the
   * other channels cannot make good, by calibration data. Default reconstruction with `data`, l1 without.
   */
  score?: ChannelScore | undefined;
  /** Calibration samples: a .safetensors, .npz or .mjs path, or an (async) iterable of { feeds }. Labels are not used. */
  data?: DatasetSource | undefined;
  /** How many samples to calibrate with. Default: all. */
  samples?: number | undefined;
  /**
   * What is done with data for layers that read other channels than before, and those behind them, toward the outputs that each had.
   * least-squares: their weights are fitted. bias: the means of outputs come back. batch-norm: their deviations too. Default with
   * data: all three.
   */
  repair?: readonly PruneRepair[] | undefined;
  /** Layers keep a multiple of so many channels, which fill the lanes of vector instructions. Default 8. */
  roundTo?: number | undefined;
  /** Every layer keeps this share of its channels, and one multiple of `roundTo`, at least. Default 0.2. */
  minKept?: number | undefined;
  /** Names of the only nodes that may lose channels they make; * stands for any characters, ? for one. */
  include?: readonly string[] | undefined;
  /** Names of nodes that keep all channels they make, or patterns as in `include`. */
  exclude?: readonly string[] | undefined;
  /** Threads for calibration runs. Default: onnxruntime's own choice. */
  threads?: number | undefined;
  /**
   * Also time the model before and after, in turn, on one sample and one thread; a warning says where that fails. Needs `output` and
   * the path of a model. Default false.
   */
  time?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** Options after defaults. */
export interface ChannelSettings {
  readonly sparsity: number;
  readonly scope: ChannelScope;
  readonly score: ChannelScore;
  readonly repair: Repairs;
  readonly roundTo: number;
  readonly minKept: number;
}

/** Layers that make the same channels, and those that read them. */
export interface PrunedChannels {
  /** Nodes that make the channels; several where their outputs are added, or are parts of one attention. */
  layers: string[];
  readers: string[];
  /** Channels that the first of these layers makes. */
  channels: { before: number; after: number };
}

/** Layers that keep all their channels, and why. */
export interface WholeLayers {
  layers: string[];
  reason: string;
}

export interface PruneChannelsResult {
  /** The smaller model. */
  model: OnnxModel;
  /** Files written: the model first, then external data. Empty without `output`. */
  files: string[];
  pattern: "channel";
  scope: ChannelScope;
  score: ChannelScore;
  groups: PrunedChannels[];
  /** Layers whose channels all stay, and why. */
  whole: WholeLayers[];
  /** Values of all weights of the model. */
  parameters: { before: number; after: number };
  /** Multiplications by weights for one sample; a size that only a run knows, such as the length of a text, counts as 1. */
  multiplications: { before: number; after: number };
  /** What was done so that the model loses less, in plain words. */
  repairs: string[];
  /** Bytes of the model files, external data included; `after` is 0 without `output`. */
  size: { before: number; after: number };
  /** Of one sample, with `time`. */
  latency?: ModelComparison["latency"];
  warnings: string[];
}

const ALL_REPAIRS: readonly PruneRepair[] = ["least-squares", "bias", "batch-norm"];
const SCOPES: readonly ChannelScope[] = ["global", "layer", "auto"];
const SCORES: readonly ChannelScore[] = ["l1", "l2", "activation", "reconstruction"];

/** Checks options that come from outside TypeScript and fills in defaults. Throws RangeError naming the option. */
export function channelSettings(options: PruneChannelsOptions): ChannelSettings {
  const { data, sparsity, scope = "global", roundTo = 8, minKept = 0.2 } = options;
  const { score = data === undefined ? "l1" : "reconstruction" } = options;
  const repair = repairsOf(options.repair ?? (data === undefined ? [] : ALL_REPAIRS));
  if (!(sparsity > 0 && sparsity < 1)) throw outOfRange("a number above 0 and below 1", "sparsity", sparsity);
  if (!SCOPES.includes(scope)) throw outOfRange(`one of ${SCOPES.join(", ")}`, "scope", scope);
  if (!SCORES.includes(score)) throw outOfRange(`one of ${SCORES.join(", ")}`, "score", score);
  if (scope === "auto" && score !== "reconstruction")
    throw outOfRange(`global or layer with score ${score}`, "scope", scope);
  if (!(Number.isSafeInteger(roundTo) && roundTo >= 1))
    throw outOfRange("an integer from 1", "roundTo", roundTo);
  if (!(minKept >= 0 && minKept <= 1)) throw outOfRange("a number from 0 to 1", "minKept", minKept);
  return { sparsity, scope, score, repair, roundTo, minKept };
}
