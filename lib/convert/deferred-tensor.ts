import { byteCount, type DeferredTensor, type TypedArray, viewAs } from "../tensor.js";
import type { OutgoingTensor } from "./cast-tensor.js";

/** A tensor that is made when it is asked for, as one on its way into a file. */
export function deferredTensor({
  dtype,
  shape,
  fill,
}: DeferredTensor): OutgoingTensor & { dtype: typeof dtype } {
  const byteLength = byteCount(dtype, shape);
  const load = (): TypedArray => {
    const data = viewAs(dtype, { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength });
    fill(data);
    return data;
  };
  return { dtype, type: dtype, shape, byteLength, fill, load };
}
