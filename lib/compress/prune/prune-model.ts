import { join } from "node:path";
import { ModelOperationError, outOfRange } from "../../errors.js";
import { measureLatency } from "../measure-latency.js";
import { aboutNoSamples } from "../require-data.js";
import type { PruneChannelsOptions, PruneChannelsResult } from "../structured/options.js";
import { pruneChannels } from "../structured/prune-channels.js";
import { withFolder, withModels } from "../with-models.js";
import { type CalibratedMasks, calibratedMasks } from "./calibrated-masks.js";
import { type ChosenMasks, chooseMasks } from "./choose-masks.js";
import { describeMasks } from "./describe-masks.js";
import { GraphSource } from "./graph-source.js";
import { openSource } from "./open-source.js";
import {
  type DenseTensor,
  type PruneOptions,
  type PruneResult,
  type PruneSettings,
  pruneSettings,
} from "./options.js";
import { patternName } from "./pattern.js";
import { prunedSize } from "./pruned-size.js";
import { type MeasuredSensitivity, measureSensitivity } from "./sensitivity.js";
import type { PruneSource } from "./source.js";

/**
 * Sets the weights of a model (ONNX, safetensors or GGUF) that have the smallest magnitude to zero: the share `sparsity` of all of them under one
 * threshold (as LAMP compares them), of each layer, or N of each M neighbours. Counts are exact, values are never changed but to 0, and the graph stays as
 * it is; integers of QuantizeLinear's kind become their zero point. Memory holds one weight at a time beside the mapped file. The input is never changed; the output appears whole or not at all.
 *
 * With calibration data (no labels, no training) weights are compared by what they do to the outputs of their layer, and those that
 * stay are fitted, layer after layer on the inputs that the layers before it make now, to the outputs that each layer had: see
 * `score` and `repair`. This runs the model twice for each layer that an input passes, and holds pruned weights in memory.
 *
 * The file does not become smaller by itself and onnxruntime not faster: ONNX stores zeros as every other value. They make
 * the file small when it is compressed, and are what sparse runtimes and formats want; storage "bitmask" leaves them out.
 *
 * With pattern "channel" whole channels go instead: filters of convolutions, units of linear layers, heads of attention, with
 * everything that belongs to them wherever they go in the graph. The model becomes smaller and faster in any runtime; names
 * and shapes of its inputs and outputs stay. With calibration data the layers that read the other channels are fitted to what
 * they made before. Channels that an operator uses in a way that is not understood stay whole, and the result says why.
 *
 * @param input path of a model or of a file of tensors, or the bytes of an ONNX model; pattern "channel" needs a model
 * @throws ModelFormatError for a damaged model, TENSOR_INVALID for weights that hold NaN or infinity
 * @throws ModelOperationError NOTHING_TO_PRUNE, UNSUPPORTED_MODEL for a name that the model lacks, data with a file of
 *   tensors or, with pattern "channel", a quantized model; CALIBRATION_NEEDED where samples are needed or counted and there are none, RUNTIME_MISSING or RUNTIME_FAILED where the model runs
 * @throws RangeError for options; signal.reason when aborted
 *
 * @example
 * const { layers, sparsity } = await pruneModel("model.onnx", { output: "model.pruned.onnx", sparsity: 0.5 });
 * await pruneModel("model.onnx", { output: "model.pruned.onnx", sparsity: 0.7, data: "calibration.safetensors" });
 * await pruneModel("model.onnx", { output: "model.2-4.onnx", pattern: "2:4", exclude: ["/head/*"] });
 * await pruneModel("model.onnx", { output: "model.small.onnx", pattern: "channel", sparsity: 0.4, data: "calibration.safetensors" });
 */
export async function pruneModel(
  input: string | Uint8Array,
  options: PruneChannelsOptions,
): Promise<PruneChannelsResult>;
export async function pruneModel(input: string | Uint8Array, options: PruneOptions): Promise<PruneResult>;
export async function pruneModel(
  input: string | Uint8Array,
  options: PruneOptions | PruneChannelsOptions,
): Promise<PruneResult | PruneChannelsResult> {
  const { data, samples, scope } = options;
  // Scope auto runs the model over random inputs where there is no data.
  if (samples !== undefined && data === undefined && scope !== "auto") throw aboutNoSamples("samples");
  return isChannels(options) ? pruneChannels(input, options) : pruneValues(input, options);
}

function isChannels(options: PruneOptions | PruneChannelsOptions): options is PruneChannelsOptions {
  return options.pattern === "channel";
}

async function pruneValues(input: string | Uint8Array, options: PruneOptions): Promise<PruneResult> {
  const settings = pruneSettings(options);
  const source = openSource(input, settings, options.output);
  try {
    return await prune(source, settings, options);
  } catch (error) {
    source.close();
    throw error;
  }
}

async function prune(
  source: PruneSource,
  settings: PruneSettings,
  options: PruneOptions,
): Promise<PruneResult> {
  const { output, signal, onProgress } = options;
  const { weights } = source;
  const sensitivity = settings.scope === "auto" ? await sensitivityOf(source, options) : undefined;
  let done = 0;
  const context = {
    path: source.path,
    signal,
    sensitivity,
    onWeight: () => onProgress?.({ stage: "prune", done: ++done, total: weights.length }),
  };
  const chosen: ChosenMasks & Partial<CalibratedMasks> =
    options.data === undefined
      ? await chooseMasks(weights, settings, context)
      : await calibratedMasks(graphOf(source), settings, options, context);
  const { masks, dense: unfit, edits = [], repairs = [] } = chosen;
  const dense = [...unfit, ...source.dense];
  if (masks.length === 0) throw nothingToPrune(source, dense);
  signal?.throwIfAborted();
  source.apply(masks);
  if (edits.length > 0) graphOf(source).edit(edits);
  const { storage } = settings;
  const files = output === undefined ? [] : await source.write(output, { storage, signal, onProgress });
  const size = await prunedSize(source, masks, files, options);
  const timed = options.time ? await timePruned(source, files, options) : { warnings: [] };
  const model = source.result(storage === "dense" ? files : []);
  return {
    ...(model && { model }),
    files,
    pattern: patternName(settings.pattern),
    scope: settings.scope,
    score: settings.score,
    storage,
    repairs: [...repairs],
    ...describeMasks(masks),
    ...(sensitivity && { sensitivity }),
    dense,
    size,
    ...timed,
  };
}

/** @throws ModelOperationError UNSUPPORTED_MODEL for a file of tensors, which cannot be run */
function graphOf(source: PruneSource): GraphSource {
  if (source instanceof GraphSource) return source;
  throw new ModelOperationError(
    "UNSUPPORTED_MODEL",
    `${source.path}: samples cannot run through a file of tensors; give data with the model as ONNX`,
  );
}

function sensitivityOf(source: PruneSource, options: PruneOptions): Promise<MeasuredSensitivity> {
  if (!(source instanceof GraphSource))
    throw outOfRange("global or layer for a file of tensors, which does not run,", "scope", "auto");
  const { model, weights } = source;
  return withModels(options.signal, (models, folder) =>
    measureSensitivity(models, model, weights, { ...options, folder }),
  );
}

/** The model before and after; as ONNX, in which alone it runs. */
async function timePruned(
  source: PruneSource,
  [written]: readonly string[],
  options: PruneOptions,
): Promise<Awaited<ReturnType<typeof measureLatency>>> {
  const { path } = source;
  if (path === undefined || written === undefined) return { warnings: [] };
  if (!(source instanceof GraphSource))
    return { warnings: ["latency was not measured: a file of tensors does not run"] };
  if (options.storage !== "bitmask") return measureLatency(path, written, options);
  return withFolder(async (folder) => {
    const dense = join(folder, "pruned.onnx");
    await source.write(dense, { storage: "dense", signal: options.signal });
    return measureLatency(path, dense, options);
  });
}

function nothingToPrune({ path }: PruneSource, dense: readonly DenseTensor[]): ModelOperationError {
  const reasons = dense.slice(0, 5).map(({ name, reason }) => `${name}: ${reason}`);
  const detail = reasons.length > 0 ? ` (${reasons.join("; ")})` : "";
  return new ModelOperationError(
    "NOTHING_TO_PRUNE",
    `${path ?? "the model"}: it has no weight that can be pruned${detail}`,
  );
}
