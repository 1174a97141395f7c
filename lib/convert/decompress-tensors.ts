import { dequantizeWeight } from "../compressed/dequantize-weight.js";
import { findWeights } from "../compressed/find-weights.js";
import { formOfStored } from "../compressed/stored-form.js";
import { ModelFormatError, ModelOperationError } from "../errors.js";
import type { StoredTensor } from "../tensor-file/tensor-file.js";
import { deferredTensor } from "./deferred-tensor.js";

/**
 * The tensors of a file with the weights that the compressed-tensors convention stores in several of them as floats again, made when
 * they are asked for. Where there are none, the tensors as they are.
 *
 * @throws ModelFormatError TENSOR_INVALID for tensors of a weight that do not fit each other
 * @throws ModelOperationError UNSUPPORTED_CONVERSION for sparse-bitmask
 */
export function decompressTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
): ReadonlyMap<string, StoredTensor> {
  const weights = new Map<StoredTensor, { name: string; tensor: StoredTensor }>();
  const parts = new Set<StoredTensor>();
  for (const { format, name, parameters } of findWeights(tensors)) {
    if (format === "sparse-bitmask")
      throw new ModelOperationError(
        "UNSUPPORTED_CONVERSION",
        `${path}: ${name} is stored as ${format}, which is not supported; convert without a dtype to move it as it is`,
      );
    const invalid = (message: string) =>
      new ModelFormatError("TENSOR_INVALID", message, { path, field: `tensor ${JSON.stringify(name)}` });
    const form = formOfStored(format, parameters, invalid);
    if (format === "pack-quantized" && tensors.has(name))
      throw invalid("the file holds it packed and also as it is");
    const { rows, cols } = form.layout;
    const load = (parameter: string) => parameters.get(parameter)!.load();
    const tensor = deferredTensor({
      dtype: form.dtype,
      shape: [rows, cols],
      fill: (data) => dequantizeWeight(form, load, data, invalid),
    });
    const [first] = parameters.values();
    weights.set(first!, { name, tensor });
    for (const part of parameters.values()) parts.add(part);
  }
  if (weights.size === 0) return tensors;
  const floats = new Map<string, StoredTensor>();
  for (const [name, stored] of tensors) {
    const weight = weights.get(stored);
    if (weight !== undefined) floats.set(weight.name, weight.tensor);
    else if (!parts.has(stored)) floats.set(name, stored);
  }
  return floats;
}
