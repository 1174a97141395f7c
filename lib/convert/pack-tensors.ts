import { bitmaskWeightName } from "../compressed/find-weights.js";
import { type Matrix, packWeight } from "../compressed/pack-weight.js";
import { ModelFormatError, ModelOperationError } from "../errors.js";
import { bitsPerElement, elementCount } from "../tensor.js";
import { bitmaskNote } from "../tensor-file/bitmask-notes.js";
import type { OutgoingTensor } from "./cast-tensor.js";
import { type CompressedTensors, layerOf, partsOf, requireCompressible } from "./compress-tensors.js";

/** Weights without their zeros, and how many of all values of these are zero, from 0 to 1. */
export interface PackedTensors extends CompressedTensors {
  readonly sparsity: number;
  /** What the metadata has to say of weights that are no matrices called LAYER.weight. */
  readonly notes: ReadonlyMap<string, string>;
}

export interface PackOptions {
  /** Layers that stay whole. */
  readonly ignore?: readonly string[] | undefined;
  /** Whether a tensor is a weight although its name or shape is not that of a linear layer. Default: none is. */
  readonly isWeight?: (name: string) => boolean;
  /** The file, for errors. */
  readonly path: string;
}

/**
 * Leaves the zeros out of weights where that makes them smaller: those of linear layers, which are matrices called LAYER.weight, and
 * others as matrices that have a row for each index of the first axis. All values are counted for it.
 *
 * @throws ModelOperationError UNSUPPORTED_CONVERSION where no weight becomes smaller, weights are stored by the convention already, or
 *   names are taken
 * @throws RangeError for an ignored layer that is not there
 */
export function packTensors(
  tensors: ReadonlyMap<string, OutgoingTensor>,
  { ignore, isWeight = () => false, path }: PackOptions,
): PackedTensors {
  requireCompressible(tensors, ignore, path);
  const weights = new Map<string, ReadonlyMap<string, OutgoingTensor>>();
  const notes = new Map<string, string>();
  const ignored: string[] = [];
  let elements = 0;
  let stored = 0;
  for (const [name, tensor] of tensors) {
    const linear = tensor.shape.length === 2 ? layerOf(name) : undefined;
    const layer = linear ?? (isWeight(name) ? (layerOf(name) ?? name) : undefined);
    const matrix = layer === undefined ? undefined : matrixOf(tensor);
    if (layer === undefined || matrix === undefined) continue;
    const invalid = (message: string) =>
      new ModelFormatError("TENSOR_INVALID", message, { path, field: `tensor ${JSON.stringify(name)}` });
    const packed = ignore?.includes(layer) ? undefined : packWeight(matrix, invalid);
    if (packed === undefined || packed.byteLength >= tensor.byteLength) {
      if (linear !== undefined) ignored.push(layer);
      continue;
    }
    const restored = bitmaskWeightName(`${layer}.`);
    if (restored !== name || tensor.shape.length !== 2) {
      if (restored !== name && tensors.has(restored)) continue;
      notes.set(...bitmaskNote(restored, { name, shape: tensor.shape }));
    }
    weights.set(name, partsOf(layer, packed.parts, tensors, path));
    elements += elementCount(matrix.shape);
    stored += packed.stored;
  }
  if (weights.size === 0)
    throw new ModelOperationError(
      "UNSUPPORTED_CONVERSION",
      `${path}: no weight is smaller without its zeros; prune them first. Those of linear layers are matrices called LAYER.weight`,
    );
  return { weights, ignored, notes, sparsity: 1 - stored / elements };
}

function matrixOf({ dtype, shape, load }: OutgoingTensor): Matrix | undefined {
  if (dtype === undefined || shape.length < 2 || shape.includes(0)) return undefined;
  if (![8, 16, 32].includes(bitsPerElement(dtype))) return undefined;
  return { dtype, shape: [shape[0]!, elementCount(shape.slice(1))], load };
}
