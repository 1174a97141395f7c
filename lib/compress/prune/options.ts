import type { DatasetSource } from "../../data/open-dataset.js";
import { ModelOperationError, outOfRange } from "../../errors.js";
import type { OnnxModel } from "../../onnx/read.js";
import type { OnProgress } from "../../progress.js";
import type { ModelComparison } from "../../runtime/compare-models.js";
import { type Pattern, parsePattern, patternSparsity } from "./pattern.js";
import { anyRepair, type PruneRepair, type Repairs, repairsOf } from "./repair/repairs.js";
import type { MeasuredSensitivity } from "./sensitivity.js";

/** What is to be different for one weight. */
export interface PruneOverride {
  sparsity?: number | undefined;
  pattern?: string | undefined;
}

export interface PruneOptions {
  /** Where to write the model. Default: it is only returned. */
  output?: string | undefined;
  /** The share of the values of weights that are 0 afterwards, 0 to 1. A pattern like 2:4 has one of its own. */
  sparsity?: number | undefined;
  /**
   * unstructured: the smallest magnitudes, wherever they are. "2:4" and its like: all but the 2 largest of each 4 neighbours along
   * the inputs of a layer. "block:4x1" and its like: rectangles of 4 outputs and 1 input, those of the smallest mean magnitude;
   * without data. Default unstructured.
   */
  pattern?: string | undefined;
  /**
   * global: one threshold for the scores of all weights together. layer: the same share of each weight. auto: as many zeros as
   * global, shared out by what each weight costs the outputs, measured in runs over `data`, else over random inputs (ONNX models). Default global.
   */
  scope?: PruneScope | undefined;
  /**
   * What is compared under one threshold. lamp: the square of a value over the sum of the squares of those of its weight that are as
   * large or larger, which tells what a layer loses whatever its scale (Lee et al., 2021). magnitude: the value itself, as torch's
   * global_unstructured; where BatchNormalization was folded into weights, it empties whole layers. Default lamp. With data also
   * wanda: the value times the size of its input over that of the layer's output; and sparsegpt: the same, and within a layer what
   * costs least once the other weights have made it good. Default with data: wanda.
   */
  score?: PruneScore | undefined;
  /**
   * What is done with data for the weights that stay, layer after layer, toward the outputs that each layer had. least-squares: their
   * values are fitted. bias: the means of outputs come back. batch-norm: their deviations too, as when the statistics of
   * BatchNormalization are estimated again, whether it is folded into weights or not. Default with data: least-squares and bias.
   */
  repair?: readonly PruneRepair[] | undefined;
  /** Calibration samples, from the data that the model meets in use; a hundred or more. */
  data?: DatasetSource | undefined;
  /** How many samples to take. Default: all, and 64 of them for scope auto. */
  samples?: number | undefined;
  /** Threads for running the model. Default: onnxruntime's own choice. */
  threads?: number | undefined;
  /**
   * By the name of a weight or node, or a pattern with * and ?, what is to be different; "dense" leaves it alone. Such weights have
   * no part in the threshold of the others.
   */
  overrides?: Readonly<Record<string, PruneOverride | "dense">> | undefined;
  /** Names of the only weights or nodes to prune; * stands for any characters, ? for one. */
  include?: readonly string[] | undefined;
  /** Names of weights or nodes to leave alone, or patterns as in `include`. */
  exclude?: readonly string[] | undefined;
  /** Prune tables of embeddings too. Default false: a row is looked up as a whole, and rare ones are small. */
  embeddings?: boolean | undefined;
  /** Weights of fewer values are left alone: they cost much accuracy and save little. Default 256. */
  minSize?: number | undefined;
  /**
   * dense: in the format of the input, in which zeros are stored as every other value. bitmask: the tensors as safetensors, pruned weights
   * without their zeros in the sparse-bitmask form of compressed-tensors; convertModel with `compressed: "dense"` brings every bit
   * back, and with `into` puts them into the model that they are of. Default dense.
   */
  storage?: PruneStorage | undefined;
  /** Also tell what the files come to in a zip archive; of more than 16 MiB by parts. Needs `output`. Default false. */
  zip?: boolean | undefined;
  /**
   * Also time an ONNX model before and after, in turn, on one sample and one thread; a warning says where that fails. Needs `output`
   * and the path of a model. Default false.
   */
  time?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export type PruneStorage = "dense" | "bitmask";
export type PruneScope = "global" | "layer" | "auto";
export type PruneScore = "lamp" | "magnitude" | "wanda" | "sparsegpt";

/** Options after defaults. */
export interface PruneSettings {
  readonly sparsity: number;
  readonly pattern: Pattern;
  readonly scope: PruneScope;
  readonly score: PruneScore;
  readonly repair: Repairs;
  readonly storage: PruneStorage;
  readonly overrides: ReadonlyMap<string, ReadonlyOverride | "dense">;
  readonly include: readonly string[] | undefined;
  readonly exclude: readonly string[];
  readonly embeddings: boolean;
  readonly minSize: number;
}

export interface ReadonlyOverride {
  readonly sparsity: number;
  readonly pattern: Pattern;
}

/** What became of one weight. */
export interface PrunedLayer {
  /** The tensor that holds the weight. */
  name: string;
  /** Nodes that multiply by it, and their operators. */
  nodes: { name: string; opType: string }[];
  shape: number[];
  values: number;
  /** How many of them are 0. */
  zeros: { before: number; after: number };
  sparsity: number;
}

/** A tensor that was left alone, and why. */
export interface DenseTensor {
  name: string;
  values: number;
  reason: string;
}

/** In bytes. */
export interface PrunedSize {
  /** The model's files, external data included. */
  before: number;
  /** The same of what was written; 0 without `output`. With storage dense zeros are stored as every other value. */
  after: number;
  /** About what the files have with the pruned weights in the sparse-bitmask form of compressed-tensors; exactly with that storage. */
  bitmask: number;
  /** What the files come to in a zip archive, with `zip`; `before` is absent for a model that was given as bytes. */
  zip?: { before?: number; after: number; estimated: boolean };
}

export interface PruneResult {
  /** The pruned model, where it is ONNX; without `output` its weights are made when they are looked at. Close it. */
  model?: OnnxModel;
  /** Files written: the model first, then external data. Empty without `output`. */
  files: string[];
  pattern: string;
  scope: PruneScope;
  score: PruneScore;
  storage: PruneStorage;
  /** What was done with data for the weights that stay, in plain words. */
  repairs: string[];
  layers: PrunedLayer[];
  /** What scope auto measured. */
  sensitivity?: MeasuredSensitivity;
  /** Tensors of floats that stay as they are. */
  dense: DenseTensor[];
  /** Values of all weights in `layers`, and how many of them are 0. */
  values: number;
  zeros: { before: number; after: number };
  sparsity: number;
  size: PrunedSize;
  /** Of one sample, with `time`. Zeros alone make onnxruntime no faster. */
  latency?: ModelComparison["latency"];
  warnings: string[];
}

const STORAGES: readonly PruneStorage[] = ["dense", "bitmask"];
const SCOPES: readonly PruneScope[] = ["global", "layer", "auto"];
const SCORES: readonly PruneScore[] = ["lamp", "magnitude", "wanda", "sparsegpt"];
/** Measured: the best of all on nearly every model, see scripts/measure-pruning.mjs. */
const REPAIRS_WITH_DATA: readonly PruneRepair[] = ["least-squares", "bias"];
const MIN_SIZE = 256;

/** Checks options that come from outside TypeScript and fills in defaults. Throws RangeError naming the option. */
export function pruneSettings(options: PruneOptions): PruneSettings {
  const { data, scope = "global", score = data ? "wanda" : "lamp", minSize = MIN_SIZE } = options;
  const { include, exclude = [], embeddings = false, storage = "dense", output } = options;
  if (!SCOPES.includes(scope)) throw outOfRange(`one of ${SCOPES.join(", ")}`, "scope", scope);
  if (!SCORES.includes(score)) throw outOfRange(`one of ${SCORES.join(", ")}`, "score", score);
  if (!STORAGES.includes(storage)) throw outOfRange(`one of ${STORAGES.join(", ")}`, "storage", storage);
  if (storage === "bitmask" && output !== undefined && !/\.safetensors$/i.test(output))
    throw outOfRange("a name that ends in .safetensors, which has bitmasks,", "output", output);
  const repair = repairsOf(options.repair ?? (data ? REPAIRS_WITH_DATA : []));
  if (!data && (score === "wanda" || score === "sparsegpt")) throw needsData(`the score ${score}`);
  if (!data && anyRepair(repair)) throw needsData("repair");
  if (!(Number.isSafeInteger(minSize) && minSize >= 1))
    throw outOfRange("an integer from 1", "minSize", minSize);
  const pattern = parsePattern(options.pattern ?? "unstructured", "pattern");
  const sparsity = requireSparsity(options.sparsity, pattern, "sparsity");
  const overrides = new Map(
    Object.entries(options.overrides ?? {}).map(([name, override]) => [
      name,
      override === "dense" ? override : overrideSettings(name, override, { sparsity, pattern }),
    ]),
  );
  // Repair may choose again what goes, one value at a time.
  const patterns = [pattern, ...[...overrides.values()].map((each) => each !== "dense" && each.pattern)];
  if (data && patterns.some((each) => each && each.kind === "blocks"))
    throw outOfRange("unstructured or N:M where data is given", "pattern", options.pattern);
  return {
    sparsity,
    pattern,
    scope,
    score,
    repair,
    storage,
    overrides,
    include,
    exclude,
    embeddings,
    minSize,
  };
}

function needsData(what: string): ModelOperationError {
  return new ModelOperationError(
    "CALIBRATION_NEEDED",
    `${what} goes by what samples show of each layer; give data, or prune without it`,
  );
}

function overrideSettings(
  name: string,
  override: PruneOverride,
  { sparsity, pattern }: ReadonlyOverride,
): ReadonlyOverride {
  const field = `overrides[${JSON.stringify(name)}]`;
  const unknown = Object.keys(Object(override)).find((key) => !["sparsity", "pattern"].includes(key));
  if (typeof override !== "object" || override === null || unknown !== undefined)
    throw outOfRange('"dense" or { sparsity, pattern }', field, unknown ?? override);
  const own = override.pattern === undefined ? pattern : parsePattern(override.pattern, `${field}.pattern`);
  const asked = override.sparsity ?? (patternSparsity(own) === undefined ? sparsity : undefined);
  return { pattern: own, sparsity: requireSparsity(asked, own, `${field}.sparsity`) };
}

/** Rounding of a share that somebody wrote in decimals. */
const SAME = 1e-3;

function requireSparsity(sparsity: number | undefined, pattern: Pattern, field: string): number {
  const own = patternSparsity(pattern);
  if (sparsity === undefined && own !== undefined) return own;
  if (sparsity === undefined || !(sparsity >= 0 && sparsity <= 1))
    throw outOfRange("a number from 0 to 1", field, sparsity);
  if (own !== undefined && Math.abs(own - sparsity) > SAME)
    throw outOfRange(`${own}, which is that of the pattern, or none`, field, sparsity);
  return sparsity;
}
