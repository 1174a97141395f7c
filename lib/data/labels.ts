import { ModelFormatError } from "../errors.js";
import type { Tensor } from "../tensor.js";

export const INTEGERS: ReadonlySet<string> = new Set([
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "bool",
]);

/** The class of each sample, from the tensor of a file that holds them. Throws DATA_MISMATCH for what are no classes. */
export function readLabels(
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
  samples: number,
  path: string,
): number[] {
  const fail = (message: string): never => {
    throw new ModelFormatError("DATA_MISMATCH", message, { path, field: name });
  };
  const tensor = tensors.get(name);
  if (tensor === undefined)
    return fail(`the file has no tensor of this name for labels; it holds ${[...tensors.keys()].join(", ")}`);
  const { dtype, shape, data } = tensor;
  if (!INTEGERS.has(dtype) || data.length !== samples || shape[0] !== samples)
    return fail(`labels must be ${samples} integers, one per sample, not ${dtype} [${shape.join(", ")}]`);
  const labels = Array.from(data as ArrayLike<number | bigint>, Number);
  const wrong = labels.findIndex((label) => label < 0);
  if (wrong >= 0) return fail(`label ${labels[wrong]} of sample ${wrong} is negative`);
  return labels;
}
