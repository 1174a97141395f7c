import { float32ToFloat16 } from "../../cast/float32-to-float16.js";
import { minMax } from "../../minmax/min-max.js";
import { deferTensor } from "../../onnx/deferred.js";
import { floatsOf } from "../../onnx/floats-of.js";
import type { TensorProto } from "../../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../../onnx/read.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import type { Scratch } from "../../scratch.js";

const LARGEST = 65504;
const LARGEST_BITS = 0x7bff;
const SMALLEST_BITS = 0x0001;
const SIGN_BIT = 0x8000;

/**
 * A stored tensor in float16, rounded to nearest when the model is written. Finite values beyond 65504 become 65504 instead of
 * infinity: in models they are masks and bounds, for which it is as good, where infinity times 0 is not a number. A single value
 * too small for float16, such as the one that keeps a divisor from being 0, becomes the smallest there is, 6e-8.
 *
 * @param scratch for a copy of the values while they are rounded
 * @param onClamp told the name of the tensor and how many values were cut
 */
export function halfTensor(
  model: OnnxModel,
  stored: TensorProto,
  name: string,
  scratch: Scratch,
  onClamp: (name: string, count: number) => void,
): TensorProto {
  return deferTensor(name, "float16", shapeOf(stored), (data) => {
    const bits = data as Uint16Array;
    const floats = floatsOf(model, stored, scratch);
    if (floats.length === 0) return;
    float32ToFloat16(floats, { out: bits });
    if (floats.length === 1 && floats[0] !== 0 && (bits[0]! & ~SIGN_BIT) === 0)
      bits[0] = (bits[0]! & SIGN_BIT) | SMALLEST_BITS;
    const { min, max } = minMax(floats);
    if (min >= -LARGEST && max <= LARGEST) return;
    let count = 0;
    for (const [i, value] of floats.entries()) {
      if (Math.abs(value) <= LARGEST || !Number.isFinite(value)) continue;
      bits[i] = value < 0 ? SIGN_BIT | LARGEST_BITS : LARGEST_BITS;
      count++;
    }
    if (count > 0) onClamp(stored.name, count);
  });
}
