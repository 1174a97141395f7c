import { ModelOperationError } from "../../errors.js";
import { dtypeOf } from "../../onnx/data-type.js";
import { deferTensor } from "../../onnx/deferred.js";
import { modelBytes } from "../../onnx/model-bytes.js";
import { type OnnxModel, openModel, readOnnx } from "../../onnx/read.js";
import { isExternal } from "../../onnx/tensor-proto.js";
import { tensorsOf } from "../../onnx/walk.js";
import { writeOnnx } from "../../onnx/write.js";
import { Scratch } from "../../scratch.js";
import { elementCount } from "../../tensor.js";
import { chooseMasks } from "./choose-masks.js";
import { chooseWeights, type GraphWeight } from "./choose-weights.js";
import type { Mask } from "./mask.js";
import {
  type DenseTensor,
  type PrunedLayer,
  type PruneOptions,
  type PruneResult,
  type PruneSettings,
  pruneSettings,
} from "./options.js";
import { patternName } from "./pattern.js";

/**
 * Sets the weights of an ONNX model that have the smallest magnitude to zero: the share `sparsity` of all of them under one
 * threshold, of each layer, or N of each M neighbours. Counts are exact, values are never changed but to 0, and the graph stays as
 * it is. Memory holds one weight at a time beside the mapped file. The input is never changed; the output appears whole or not at all.
 *
 * The file does not become smaller by itself and onnxruntime not faster: ONNX stores zeros as every other value. They make
 * the file small when it is compressed, and are what sparse runtimes and formats want.
 *
 * @param input path of a model, or its bytes
 * @throws ModelFormatError for a damaged model, TENSOR_INVALID for weights that hold NaN
 * @throws ModelOperationError NOTHING_TO_PRUNE, UNSUPPORTED_MODEL for a name that the model lacks
 * @throws RangeError for options; signal.reason when aborted
 *
 * @example
 * const { layers, sparsity } = await pruneModel("model.onnx", { output: "model.pruned.onnx", sparsity: 0.5 });
 * await pruneModel("model.onnx", { output: "model.2-4.onnx", pattern: "2:4", exclude: ["/head/*"] });
 */
export async function pruneModel(input: string | Uint8Array, options: PruneOptions): Promise<PruneResult> {
  const settings = pruneSettings(options);
  const model = readOnnx(input);
  try {
    const before = typeof input === "string" ? modelBytes(input) : input.byteLength;
    return await prune(model, before, settings, options);
  } catch (error) {
    model.close();
    throw error;
  }
}

async function prune(
  model: OnnxModel,
  before: number,
  settings: PruneSettings,
  { output, signal, onProgress }: PruneOptions,
): Promise<PruneResult> {
  const { weights, dense } = chooseWeights(model, settings);
  let done = 0;
  const { masks, dense: unfit } = await chooseMasks(weights, settings, {
    path: model.path,
    signal,
    onWeight: () => onProgress?.({ stage: "prune", done: ++done, total: weights.length }),
  });
  if (masks.length === 0) throw nothingToPrune(model, [...unfit, ...dense]);
  signal?.throwIfAborted();
  // Said now: tensors that are yet to be made lie nowhere.
  const externalData = [...tensorsOf(model.proto)].some(isExternal) || undefined;
  storePruned(masks);
  const files =
    output === undefined ? [] : await writeOnnx(output, model, { externalData, signal, onProgress });
  const layers = masks.map(describe);
  const sum = (value: (layer: PrunedLayer) => number): number =>
    layers.reduce((total, layer) => total + value(layer), 0);
  const values = sum((layer) => layer.values);
  const zeros = { before: sum((layer) => layer.zeros.before), after: sum((layer) => layer.zeros.after) };
  return {
    model: files[0] === undefined ? withNewTensors(model) : writtenModel(model, files[0]),
    files,
    pattern: patternName(settings.pattern),
    scope: settings.scope,
    layers,
    dense: [...unfit, ...dense],
    values,
    zeros,
    sparsity: zeros.after / values,
    size: { before, after: files[0] === undefined ? 0 : modelBytes(files[0]) },
    warnings: [],
  };
}

/** Puts tensors in the model whose values are pruned when they are asked for. */
function storePruned(masks: readonly Mask[]): void {
  const [stored, pruned] = [new Scratch(), new Scratch()];
  for (const mask of masks) {
    const { stored: place, shape, load, store, name } = mask.weight as GraphWeight;
    place.replace(
      deferTensor(name, dtypeOf(place.tensor.dataType)!, shape, (out) => {
        const values = load(stored);
        if (!store) return mask.apply(values, out as Float32Array);
        const floats = pruned.array("float32", [values.length]) as Float32Array;
        mask.apply(values, floats);
        store(floats, out);
      }),
    );
  }
}

/** The same model once more: its map of tensors was made before there were new ones. */
function withNewTensors(model: OnnxModel): OnnxModel {
  const opened = openModel(model.proto, model.path);
  const close = (): void => {
    opened.close();
    model.close();
  };
  return { ...opened, close };
}

function writtenModel(model: OnnxModel, path: string): OnnxModel {
  model.close();
  return readOnnx(path);
}

function describe({ weight, zeros }: Mask): PrunedLayer {
  const { name, nodes, shape } = weight;
  const values = elementCount(shape);
  return {
    name,
    nodes: nodes.map((node) => ({ ...node })),
    shape: [...shape],
    values,
    zeros: { ...zeros },
    sparsity: zeros.after / values,
  };
}

function nothingToPrune({ path }: OnnxModel, dense: readonly DenseTensor[]): ModelOperationError {
  const reasons = dense.slice(0, 5).map(({ name, reason }) => `${name}: ${reason}`);
  const detail = reasons.length > 0 ? ` (${reasons.join("; ")})` : "";
  return new ModelOperationError(
    "NOTHING_TO_PRUNE",
    `${path ?? "the model"}: it has no weight that can be pruned${detail}`,
  );
}
