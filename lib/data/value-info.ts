import type { DType } from "../tensor.js";

/** What a model says about one of its inputs or outputs. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  /** Sizes, outermost first; a string is a dimension known only when the model runs ("?" where the model gives it no name). */
  readonly shape: readonly (number | string)[];
}

/** One line for messages: `image float32 [batch, 1, 28, 28]`. */
export function describeValue(value: {
  name: string;
  dtype: string;
  shape: readonly (number | string)[];
}): string {
  return `${value.name} ${value.dtype} [${value.shape.join(", ")}]`;
}
