import type { Scratch } from "../scratch.js";
import { isDeferred } from "./deferred.js";
import type { TensorProto } from "./proto/onnx_pb.js";
import type { OnnxModel } from "./read.js";
import { expectedBytes } from "./tensor-proto.js";

/**
 * The values of a float32 tensor: a view where it lies on a multiple of 4 bytes, else a copy in `scratch`, good until that is used
 * again. In the messages of ONNX files three tensors of four lie elsewhere, and a new array for each would cost more than reading.
 *
 * @throws ModelFormatError as OnnxModel.tensor does
 */
export function floatsOf(model: OnnxModel, stored: TensorProto, scratch: Scratch): Float32Array {
  const region = isDeferred(stored) ? undefined : model.bytes(stored);
  if (!region || region.byteOffset % 4 === 0 || region.byteLength !== expectedBytes(stored))
    return model.tensor(stored).data as Float32Array;
  const { buffer, byteOffset, byteLength } = region;
  const copy = scratch.take(byteLength);
  new Uint8Array(copy, 0, byteLength).set(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  return new Float32Array(copy, 0, byteLength / 4);
}
