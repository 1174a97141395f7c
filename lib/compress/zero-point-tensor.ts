import type { TensorProto } from "../onnx/proto/onnx_pb.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import type { TypedArray } from "../tensor.js";
import type { ActivationType } from "./options.js";

const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array } as const;

/** Zero points as an initializer: of no dimension without a shape, else of that one. */
export function zeroPointTensor(
  name: string,
  dtype: ActivationType,
  values: ArrayLike<number>,
  shape: readonly number[] = [],
): TensorProto {
  return encodeTensor(name, dtype, shape, ARRAYS[dtype].from(values) as TypedArray);
}
