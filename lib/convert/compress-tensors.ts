import { findWeights } from "../compressed/find-weights.js";
import { quantizeWeight } from "../compressed/quantize-weight.js";
import type { ResolvedScheme } from "../compressed/scheme.js";
import { ModelFormatError, ModelOperationError, outOfRange } from "../errors.js";
import type { FloatDType } from "../quantize/float-elements.js";
import type { DeferredTensor, DType } from "../tensor.js";
import type { StoredTensor } from "../tensor-file/tensor-file.js";
import type { OutgoingTensor } from "./cast-tensor.js";
import { deferredTensor } from "./deferred-tensor.js";

/** Layers that are no linear ones although their weights are matrices, and the last, which loses most. */
const LEFT_IN_FLOAT = /(?:^|\.)(?:[^.]*embed[^.]*|wte|wpe|shared|lm_head)$/i;
const WEIGHT = /^(.*)\.weight$/s;

export interface CompressOptions {
  readonly scheme: ResolvedScheme;
  /** Layers that stay as they are; undefined: embeddings and the head of a language model. */
  readonly ignore: readonly string[] | undefined;
  /** The type of the scales. Default: that of the weight. */
  readonly scaleDType: FloatDType | undefined;
  readonly path: string;
}

export interface CompressedTensors {
  /** What stands for each weight that was quantized, by the name of the weight. */
  readonly weights: ReadonlyMap<string, ReadonlyMap<string, OutgoingTensor>>;
  /** Layers whose weights could be those of linear layers and were left. */
  readonly ignored: string[];
}

/**
 * Quantizes the weights of linear layers, which are matrices [out, in] of floats called LAYER.weight. Values are made when they are
 * written.
 *
 * @throws ModelOperationError NOTHING_TO_QUANTIZE, or UNSUPPORTED_CONVERSION where weights are quantized already or names are taken
 * @throws RangeError for an ignored layer that is not there; when the values are made, ModelFormatError TENSOR_INVALID
 */
export function compressTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  { scheme, ignore, scaleDType, path }: CompressOptions,
): CompressedTensors {
  requireCompressible(tensors, ignore, path);
  const weights = new Map<string, ReadonlyMap<string, OutgoingTensor>>();
  const ignored: string[] = [];
  const left = (layer: string) => ignore?.includes(layer) ?? LEFT_IN_FLOAT.test(layer);
  for (const [name, stored] of tensors) {
    const layer = layerOf(name);
    const { dtype, shape } = stored;
    if (layer === undefined || shape.length !== 2 || shape.includes(0) || !isFloat(dtype)) continue;
    const fits = scheme.strategy !== "group" || shape[1]! % scheme.groupSize! === 0;
    if (left(layer) || !fits) {
      ignored.push(layer);
      continue;
    }
    const matrix = {
      dtype,
      shape: shape as [number, number],
      load: () => stored.load(),
      invalid: (message: string) =>
        new ModelFormatError("TENSOR_INVALID", message, { path, field: `tensor ${JSON.stringify(name)}` }),
    };
    weights.set(name, partsOf(layer, quantizeWeight(matrix, scheme, scaleDType ?? dtype), tensors, path));
  }
  if (weights.size === 0)
    throw new ModelOperationError(
      "NOTHING_TO_QUANTIZE",
      `${path}: no weight can be quantized; those of linear layers are matrices of floats called LAYER.weight${
        scheme.strategy === "group" ? `, with columns in groups of ${scheme.groupSize}` : ""
      }`,
    );
  return { weights, ignored };
}

/** @throws ModelOperationError where weights are stored by the convention already; RangeError for an ignored layer that is not there */
export function requireCompressible(
  tensors: ReadonlyMap<string, { readonly dtype: DType | undefined }>,
  ignore: readonly string[] | undefined,
  path: string,
): void {
  const [already] = findWeights(tensors);
  if (already !== undefined)
    throw new ModelOperationError(
      "UNSUPPORTED_CONVERSION",
      `${path}: ${already.name} is stored as ${already.format} already; bring the file back into floats first, with a dtype`,
    );
  for (const layer of ignore ?? [])
    if (!tensors.has(`${layer}.weight`)) throw outOfRange("the name of a layer of the file", "ignore", layer);
}

/** The name of the layer whose weight a tensor is by its name. */
export function layerOf(name: string): string | undefined {
  return WEIGHT.exec(name)?.[1];
}

/**
 * What stands for the weight of a layer, by its names in the file.
 *
 * @throws ModelOperationError UNSUPPORTED_CONVERSION where other tensors have these
 */
export function partsOf(
  layer: string,
  made: Readonly<Record<string, DeferredTensor>>,
  tensors: { has(name: string): boolean },
  path: string,
): ReadonlyMap<string, OutgoingTensor> {
  const parts = new Map<string, OutgoingTensor>();
  for (const [part, tensor] of Object.entries(made)) {
    const name = `${layer}.${part}`;
    if (part !== "weight" && tensors.has(name))
      throw new ModelOperationError("UNSUPPORTED_CONVERSION", `${path}: it has a tensor ${name} already`);
    parts.set(name, deferredTensor(tensor));
  }
  return parts;
}

function isFloat(dtype: DType | undefined): dtype is FloatDType {
  return dtype === "float32" || dtype === "float16" || dtype === "bfloat16";
}
