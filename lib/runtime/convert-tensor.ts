import type * as ort from "onnxruntime-node";
import type { DType, Tensor, TypedArray } from "../tensor.js";
import type { Onnxruntime } from "./load-onnxruntime.js";

interface Float16ArrayConstructor {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView;
}

/** onnxruntime takes and gives float16 as a Float16Array where the runtime has one, else as bits in a Uint16Array. */
const Float16 = (globalThis as { Float16Array?: Float16ArrayConstructor }).Float16Array;

/** Our tensor as onnxruntime's, on the same bytes. */
export function toOrt({ Tensor: OrtTensor }: Onnxruntime, tensor: Tensor): ort.Tensor {
  const { dtype, data, shape } = tensor;
  const given =
    dtype === "float16" && Float16 ? new Float16(data.buffer, data.byteOffset, data.length) : data;
  return new OrtTensor(dtype as "float32", given as Float32Array, [...shape]);
}

/** onnxruntime's tensor as ours, on the same bytes; undefined for text, which we have no type for. */
export function fromOrt(value: ort.Tensor): Tensor | undefined {
  if (value.type === "string") return undefined;
  const data = value.data as TypedArray;
  const dtype = value.type as DType;
  const bits = dtype === "float16" ? new Uint16Array(data.buffer, data.byteOffset, data.length) : data;
  return { dtype, shape: [...value.dims], data: bits as TypedArray };
}
