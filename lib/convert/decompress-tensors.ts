import { bitmaskFormOf } from "../compressed/bitmask-form.js";
import { dequantizeWeight } from "../compressed/dequantize-weight.js";
import { findWeights, type StoredWeight } from "../compressed/find-weights.js";
import { type QuantizedFormat, SPARSE_BITMASK } from "../compressed/scheme.js";
import { formOfStored } from "../compressed/stored-form.js";
import { unpackWeight } from "../compressed/unpack-weight.js";
import { ModelFormatError } from "../errors.js";
import { elementCount, type Fill } from "../tensor.js";
import { readBitmaskNote } from "../tensor-file/bitmask-notes.js";
import type { StoredTensor, TensorFile } from "../tensor-file/tensor-file.js";
import { deferredTensor } from "./deferred-tensor.js";

/**
 * The tensors of a file with the weights that the compressed-tensors convention stores in several of them as one again, made when
 * they are asked for: first those without their zeros, which may be quantized too, then those that are quantized. Where there are
 * none, the tensors as they are.
 *
 * @throws ModelFormatError TENSOR_INVALID for tensors of a weight that do not fit each other
 */
export function decompressTensors(file: Compressed): ReadonlyMap<string, StoredTensor> {
  const whole = unpackTensors(file);
  return withWeights(whole, findWeights(whole), file.paths[0]!, dequantized);
}

type Compressed = Pick<TensorFile, "tensors" | "metadata" | "paths">;

/** The same with just the weights that are stored without their zeros. */
export function unpackTensors({ tensors, metadata, paths }: Compressed): ReadonlyMap<string, StoredTensor> {
  const packed = findWeights(tensors).filter(({ format }) => format === SPARSE_BITMASK);
  return withWeights(tensors, packed, paths[0]!, (weight, invalid) => unpacked(weight, metadata, invalid));
}

interface Restored {
  readonly name: string;
  readonly tensor: StoredTensor;
}
type Restore = (weight: StoredWeight<StoredTensor>, invalid: (message: string) => Error) => Restored;

function withWeights(
  tensors: ReadonlyMap<string, StoredTensor>,
  found: readonly StoredWeight<StoredTensor>[],
  path: string,
  restore: Restore,
): ReadonlyMap<string, StoredTensor> {
  const weights = new Map<StoredTensor, Restored>();
  const names = new Set<string>();
  const parts = new Set<StoredTensor>();
  for (const weight of found) {
    const { parameters } = weight;
    const invalid = (message: string) =>
      new ModelFormatError("TENSOR_INVALID", message, {
        path,
        field: `tensor ${JSON.stringify(weight.name)}`,
      });
    const { name, tensor } = restore(weight, invalid);
    if ((!parameters.has("weight") && tensors.has(name)) || names.has(name))
      throw invalid("the file holds it packed and also as it is");
    names.add(name);
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

function unpacked(
  { name, parameters }: StoredWeight<StoredTensor>,
  metadata: TensorFile["metadata"],
  invalid: (message: string) => Error,
): Restored {
  const form = bitmaskFormOf(parameters, invalid);
  const note = readBitmaskNote(metadata, name, invalid) ?? { name, shape: form.shape };
  if (elementCount(note.shape) !== elementCount(form.shape))
    throw invalid(`its metadata says [${note.shape.join(", ")}], but it is [${form.shape.join(", ")}]`);
  const load = (parameter: string) => parameters.get(parameter)!.load();
  const fill: Fill = (data) => unpackWeight(form, load, data, invalid);
  return { name: note.name, tensor: deferredTensor({ dtype: form.dtype, shape: note.shape, fill }) };
}

const dequantized: Restore = ({ name, format, parameters }, invalid) => {
  const form = formOfStored(format as QuantizedFormat, parameters, invalid);
  const { rows, cols } = form.layout;
  const load = (parameter: string) => parameters.get(parameter)!.load();
  const fill: Fill = (data) => dequantizeWeight(form, load, data, invalid);
  return { name, tensor: deferredTensor({ dtype: form.dtype, shape: [rows, cols], fill }) };
};
