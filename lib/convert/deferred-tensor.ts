import { Scratch } from "../scratch.js";
import { byteCount, type DeferredTensor } from "../tensor.js";
import type { OutgoingTensor } from "./cast-tensor.js";

/** A tensor that is made when it is asked for, as one on its way into a file. */
export function deferredTensor(tensor: DeferredTensor): OutgoingTensor & { dtype: DeferredTensor["dtype"] } {
  const { dtype, shape, fill } = tensor;
  const byteLength = byteCount(dtype, shape);
  return { dtype, type: dtype, shape, byteLength, fill, load: () => new Scratch().dataOf(tensor) };
}
