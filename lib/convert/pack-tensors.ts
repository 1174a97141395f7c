import { packWeight } from "../compressed/pack-weight.js";
import { ModelFormatError, ModelOperationError } from "../errors.js";
import { bitsPerElement } from "../tensor.js";
import type { OutgoingTensor } from "./cast-tensor.js";
import { type CompressedTensors, layerOf, partsOf, requireCompressible } from "./compress-tensors.js";

/** Weights without their zeros, and how many of all values of these are zero, from 0 to 1. */
export interface PackedTensors extends CompressedTensors {
  readonly sparsity: number;
}

/**
 * Leaves the zeros out of weights of linear layers, which are matrices called LAYER.weight, where that makes them smaller. All values
 * are counted for it.
 *
 * @throws ModelOperationError UNSUPPORTED_CONVERSION where no weight becomes smaller, weights are stored by the convention already, or
 *   names are taken
 * @throws RangeError for an ignored layer that is not there
 */
export function packTensors(
  tensors: ReadonlyMap<string, OutgoingTensor>,
  ignore: readonly string[] | undefined,
  path: string,
): PackedTensors {
  requireCompressible(tensors, ignore, path);
  const weights = new Map<string, ReadonlyMap<string, OutgoingTensor>>();
  const ignored: string[] = [];
  let elements = 0;
  let stored = 0;
  for (const [name, tensor] of tensors) {
    const layer = layerOf(name);
    const { dtype, shape, byteLength } = tensor;
    if (layer === undefined || dtype === undefined || shape.length !== 2 || shape.includes(0)) continue;
    if (![8, 16, 32].includes(bitsPerElement(dtype))) continue;
    const invalid = (message: string) =>
      new ModelFormatError("TENSOR_INVALID", message, { path, field: `tensor ${JSON.stringify(name)}` });
    const matrix = { dtype, shape: shape as [number, number], load: () => tensor.load() };
    const packed = ignore?.includes(layer) ? undefined : packWeight(matrix, invalid);
    if (packed === undefined || packed.byteLength >= byteLength) {
      ignored.push(layer);
      continue;
    }
    weights.set(name, partsOf(layer, packed.parts, tensors, path));
    elements += shape[0]! * shape[1]!;
    stored += packed.stored;
  }
  if (weights.size === 0)
    throw new ModelOperationError(
      "UNSUPPORTED_CONVERSION",
      `${path}: no weight is smaller without its zeros; prune them first. Those of linear layers are matrices called LAYER.weight`,
    );
  return { weights, ignored, sparsity: 1 - stored / elements };
}
