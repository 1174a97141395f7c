import { ModelFormatError } from "../../errors.js";
import { summarizeAsync } from "../../minmax/summarize.js";
import { pruneMagnitude } from "../../prune/prune-magnitude.js";
import { Scratch } from "../../scratch.js";
import type { Weight } from "./weight.js";

/** Which values of a weight become 0. */
export interface Mask {
  readonly weight: Weight;
  /** How many values are 0, before and after. */
  readonly zeros: { readonly before: number; readonly after: number };
  /** The weight's values with zeros in place of those that go; `out` may be `values`. */
  apply(values: Float32Array, out: Float32Array): void;
}

/** What masks are made with. */
export interface MaskContext {
  /** The file, for errors. */
  readonly path: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Told how many weights are done. */
  readonly onWeight: () => void;
}

/**
 * How many values of a weight are 0.
 *
 * @throws ModelFormatError TENSOR_INVALID where some are NaN or infinite
 */
export async function countZeros(
  weight: Weight,
  values: Float32Array,
  context: MaskContext,
): Promise<number> {
  if (values.length === 0) return 0;
  const { zeros, nans, min, max } = await summarizeAsync(values, { signal: context.signal });
  if (nans > 0 || !(Number.isFinite(min) && Number.isFinite(max))) throw notFinite(weight, context);
  return zeros;
}

export function notFinite({ name }: Weight, { path }: MaskContext): ModelFormatError {
  const message = "the weight holds NaN or infinity, so it cannot be pruned";
  return new ModelFormatError("TENSOR_INVALID", message, { path, field: `tensor ${JSON.stringify(name)}` });
}

/** The mask that takes the `count` smallest magnitudes of a weight, of equal ones those that come first. */
export function smallestMask(weight: Weight, before: number, count: number): Mask {
  const sparsity = count / weight.count;
  return {
    weight,
    zeros: { before, after: Math.max(before, count) },
    apply: (values, out) => void pruneMagnitude(values, { sparsity, out }),
  };
}

/** The mask of a function that prunes; how many zeros it makes is found by making them. */
export async function maskOf(weight: Weight, apply: Mask["apply"], context: MaskContext): Promise<Mask> {
  const [stored, pruned] = [new Scratch(), new Scratch()];
  const values = weight.load(stored);
  const out = pruned.array("float32", [weight.count]) as Float32Array;
  const before = await countZeros(weight, values, context);
  apply(values, out);
  const after = await countZeros(weight, out, context);
  context.onWeight();
  return { weight, zeros: { before, after }, apply };
}
