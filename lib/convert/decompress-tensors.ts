import { bitmaskFormOf } from "../compressed/bitmask-form.js";
import { dequantizeWeight } from "../compressed/dequantize-weight.js";
import { findWeights, type StoredWeight } from "../compressed/find-weights.js";
import { type QuantizedFormat, SPARSE_BITMASK } from "../compressed/scheme.js";
import { formOfStored } from "../compressed/stored-form.js";
import { unpackWeight } from "../compressed/unpack-weight.js";
import { ModelFormatError } from "../errors.js";
import type { Fill } from "../tensor.js";
import type { StoredTensor } from "../tensor-file/tensor-file.js";
import { deferredTensor } from "./deferred-tensor.js";

/**
 * The tensors of a file with the weights that the compressed-tensors convention stores in several of them as one again, made when
 * they are asked for: first those without their zeros, which may be quantized too, then those that are quantized. Where there are
 * none, the tensors as they are.
 *
 * @throws ModelFormatError TENSOR_INVALID for tensors of a weight that do not fit each other
 */
export function decompressTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
): ReadonlyMap<string, StoredTensor> {
  const isPacked = ({ format }: StoredWeight<StoredTensor>) => format === SPARSE_BITMASK;
  const whole = withWeights(tensors, findWeights(tensors).filter(isPacked), path, unpacked);
  return withWeights(whole, findWeights(whole), path, dequantized);
}

type Restore = (weight: StoredWeight<StoredTensor>, invalid: (message: string) => Error) => StoredTensor;

function withWeights(
  tensors: ReadonlyMap<string, StoredTensor>,
  found: readonly StoredWeight<StoredTensor>[],
  path: string,
  restore: Restore,
): ReadonlyMap<string, StoredTensor> {
  const weights = new Map<StoredTensor, { name: string; tensor: StoredTensor }>();
  const parts = new Set<StoredTensor>();
  for (const weight of found) {
    const { name, parameters } = weight;
    const invalid = (message: string) =>
      new ModelFormatError("TENSOR_INVALID", message, { path, field: `tensor ${JSON.stringify(name)}` });
    const tensor = restore(weight, invalid);
    if (!parameters.has("weight") && tensors.has(name))
      throw invalid("the file holds it packed and also as it is");
    const [first] = parameters.values();
    weights.set(first!, { name, tensor });
    for (const part of parameters.values()) parts.add(part);
  }
  if (weights.size === 0) return tensors;
  const restored = new Map<string, StoredTensor>();
  for (const [name, stored] of tensors) {
    const weight = weights.get(stored);
    if (weight !== undefined) restored.set(weight.name, weight.tensor);
    else if (!parts.has(stored)) restored.set(name, stored);
  }
  return restored;
}

const unpacked: Restore = ({ parameters }, invalid) => {
  const form = bitmaskFormOf(parameters, invalid);
  const load = (parameter: string) => parameters.get(parameter)!.load();
  const { dtype, shape } = form;
  return deferredTensor({ dtype, shape, fill: (data) => unpackWeight(form, load, data, invalid) });
};

const dequantized: Restore = ({ format, parameters }, invalid) => {
  const form = formOfStored(format as QuantizedFormat, parameters, invalid);
  const { rows, cols } = form.layout;
  const load = (parameter: string) => parameters.get(parameter)!.load();
  const fill: Fill = (data) => dequantizeWeight(form, load, data, invalid);
  return deferredTensor({ dtype: form.dtype, shape: [rows, cols], fill });
};
