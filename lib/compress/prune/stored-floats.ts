import { bfloat16ToFloat32 } from "../../cast/bfloat16-to-float32.js";
import { float16ToFloat32 } from "../../cast/float16-to-float32.js";
import { float32ToBfloat16 } from "../../cast/float32-to-bfloat16.js";
import { float32ToFloat16 } from "../../cast/float32-to-float16.js";
import { dtypeOf } from "../../onnx/data-type.js";
import { floatsOf } from "../../onnx/floats-of.js";
import type { TensorProto } from "../../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../../onnx/read.js";
import { Scratch } from "../../scratch.js";
import type { Weight } from "./weight.js";

/** How to read and write the values of a stored tensor as float32; undefined for types that have no such form. */
export function storedFloats(
  model: OnnxModel,
  stored: TensorProto,
): Pick<Weight, "load" | "store"> | undefined {
  const half = (
    widen: (bits: Uint16Array, options: { out: Float32Array }) => void,
    narrow: (floats: Float32Array, options: { out: Uint16Array<ArrayBuffer> }) => void,
  ): Pick<Weight, "load" | "store"> => ({
    load(scratch = new Scratch()) {
      const bits = model.tensor(stored).data as Uint16Array;
      const floats = scratch.array("float32", [bits.length]) as Float32Array;
      widen(bits, { out: floats });
      return floats;
    },
    store: (pruned, out) => narrow(pruned, { out: out as Uint16Array<ArrayBuffer> }),
  });
  switch (dtypeOf(stored.dataType)) {
    case "float32":
      return {
        load: (scratch) =>
          scratch ? floatsOf(model, stored, scratch) : (model.tensor(stored).data as Float32Array),
      };
    case "float16":
      return half(float16ToFloat32, float32ToFloat16);
    case "bfloat16":
      return half(bfloat16ToFloat32, float32ToBfloat16);
    default:
      return undefined;
  }
}
