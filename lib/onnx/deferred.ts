import { create } from "@bufbuild/protobuf";
import type { Scratch } from "../scratch.js";
import { bytesOf, type DType, type Fill, type TypedArray, viewAs } from "../tensor.js";
import { dataTypeOf, dtypeOf } from "./data-type.js";
import { type TensorProto, TensorProtoSchema } from "./proto/onnx_pb.js";
import { expectedBytes } from "./tensor-proto.js";

/** Messages have no place for a function, so these stand beside them and go with them. */
const fills = new WeakMap<TensorProto, Fill>();
const transposed = new WeakMap<TensorProto, TensorProto>();

/**
 * A stored tensor whose values are made when they are needed, each time into memory of the caller's: the new weights of
 * a model that is rewritten need not all be in memory before it is written.
 */
export function deferTensor(name: string, dtype: DType, shape: readonly number[], fill: Fill): TensorProto {
  const tensor = create(TensorProtoSchema, { name, dataType: dataTypeOf(dtype), dims: shape.map(BigInt) });
  fills.set(tensor, fill);
  return tensor;
}

/** The same for a matrix that is `source` with rows and columns exchanged; `transposeSource` tells so. */
export function deferTranspose(name: string, source: TensorProto, fill: Fill): TensorProto {
  const [rows, columns] = source.dims.map(Number) as [number, number];
  const tensor = deferTensor(name, dtypeOf(source.dataType)!, [columns, rows], fill);
  transposed.set(tensor, source);
  return tensor;
}

/** The matrix of which this one is the transpose; undefined for other tensors. */
export function transposeSource(tensor: TensorProto): TensorProto | undefined {
  return transposed.get(tensor);
}

export function isDeferred(tensor: TensorProto): boolean {
  return fills.has(tensor);
}

/** Makes the values of a deferred tensor, in new memory or in `scratch` until that is used again. */
export function fillTensor(tensor: TensorProto, scratch?: Scratch): TypedArray {
  const byteLength = expectedBytes(tensor)!;
  const buffer = scratch?.take(byteLength) ?? new ArrayBuffer(byteLength);
  const data = viewAs(dtypeOf(tensor.dataType)!, { buffer, byteOffset: 0, byteLength });
  fills.get(tensor)!(data);
  return data;
}

/** Makes the values of a deferred tensor for good. */
export function settleTensor(tensor: TensorProto): void {
  tensor.rawData = bytesOf(fillTensor(tensor));
  fills.delete(tensor);
}
