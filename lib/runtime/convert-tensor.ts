import type * as ort from "onnxruntime-node";
import type { DType, Tensor, TypedArray } from "../tensor.js";
import type { Onnxruntime } from "./load-onnxruntime.js";

/** Our tensor as onnxruntime's, on the same bytes. */
export function toOrt({ Tensor: OrtTensor }: Onnxruntime, { dtype, data, shape }: Tensor): ort.Tensor {
  return new OrtTensor(dtype as "float32", data as Float32Array, [...shape]);
}

/** onnxruntime's tensor as ours, on the same bytes; undefined for text, which we have no type for. */
export function fromOrt(value: ort.Tensor): Tensor | undefined {
  if (value.type === "string") return undefined;
  return { dtype: value.type as DType, shape: [...value.dims], data: value.data as TypedArray };
}
