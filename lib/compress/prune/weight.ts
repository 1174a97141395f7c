import type { Scratch } from "../../scratch.js";
import type { DType, TypedArray } from "../../tensor.js";

/** A tensor that can be pruned, of a graph or of a file of tensors. */
export interface Weight extends WeightValues {
  readonly name: string;
  /** The type that the file has. */
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** How many values it has. */
  readonly count: number;
  /** The nodes that multiply by it; none where the file has no graph. */
  readonly nodes: readonly { readonly name: string; readonly opType: string }[];
  /** The axis that products sum over: the inputs of a layer. Undefined where nodes differ in it. */
  readonly inputAxis: number | undefined;
}

/** The values of a weight as float32, whatever the file has. */
export interface WeightValues {
  /** A view of the file where that is possible, else a copy in `scratch` or, without one, in memory of its own. */
  load(scratch?: Scratch): Float32Array;
  /** Turns pruned values into what the file has; absent where that is float32. */
  store?(pruned: Float32Array, out: TypedArray): void;
}
