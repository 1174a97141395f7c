import { bitsPerElement, type DType, elementCount } from "../tensor.js";
import type { StoredParameter } from "./stored-form.js";

/** What the tensors of a weight without its zeros say of it. */
export interface BitmaskForm {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** How many values are stored. */
  readonly stored: number;
}

/** More axes than any tensor has. */
const MAX_RANK = 64;

/**
 * How a weight is stored whose zeros are left out, and that its tensors fit each other; of their data just `shape` is looked at. What
 * row_offsets says, the bitmask says too: it is not read.
 *
 * @param invalid what to throw
 */
export function bitmaskFormOf(
  parameters: ReadonlyMap<string, StoredParameter>,
  invalid: (message: string) => Error,
): BitmaskForm {
  const [bitmask, compressed, size] = ["bitmask", "compressed", "shape"].map((part) => parameters.get(part)!);
  const { dtype } = compressed!;
  if (dtype === undefined || ![8, 16, 32].includes(bitsPerElement(dtype)))
    throw invalid(`values of type ${dtype} without their zeros are not supported`);
  const rank = size!.shape[0] ?? 0;
  if (size!.dtype !== "int64" || size!.shape.length !== 1 || rank === 0 || rank > MAX_RANK)
    throw invalid(`its shape is ${size!.dtype} [${size!.shape.join(", ")}], not a list of int64`);
  const shape = Array.from(size!.load() as BigInt64Array, Number);
  const elements = elementCount(shape);
  if (!shape.every((each) => Number.isSafeInteger(each) && each > 0) || !Number.isSafeInteger(elements))
    throw invalid(`a weight of shape [${shape.join(", ")}] is not supported`);
  const columns = shape.at(-1)!;
  if (elementCount(bitmask!.shape) !== (elements / columns) * Math.ceil(columns / 8))
    throw invalid(
      `a bitmask of [${bitmask!.shape.join(", ")}] bytes does not fit a weight of [${shape.join(", ")}]`,
    );
  const stored = elementCount(compressed!.shape);
  if (stored > elements)
    throw invalid(`${stored} values are more than a weight of [${shape.join(", ")}] has`);
  return { dtype, shape, stored };
}
