import type { DType, TypedArray } from "../tensor.js";
import type { QuantizedFormat } from "./scheme.js";
import { formOf, type WeightForm } from "./weight-form.js";

/** A tensor of a file, of which the values are read when they are asked for. */
export interface StoredParameter {
  /** Undefined for what is none of the types that arrays have. */
  readonly dtype: DType | undefined;
  readonly shape: readonly number[];
  load(): TypedArray;
}

/**
 * How a weight of a file was quantized; of its data just the two numbers of weight_shape are looked at.
 *
 * @param invalid what to throw where its tensors do not fit each other
 */
export function formOfStored(
  format: QuantizedFormat,
  parameters: ReadonlyMap<string, StoredParameter>,
  invalid: (message: string) => Error,
): WeightForm {
  const entries = new Map(
    [...parameters].map(([part, { dtype, shape }]) => [part, { dtype: dtype ?? "uint8", shape }] as const),
  );
  const shape = parameters.get("weight_shape");
  if (shape && (shape.dtype !== "int64" || shape.shape.join() !== "2"))
    throw invalid(`its weight_shape is ${shape.dtype} [${shape.shape.join(", ")}], not int64 [2]`);
  const size = shape && Array.from(shape.load() as BigInt64Array, Number);
  return formOf(format, entries, size, invalid);
}
