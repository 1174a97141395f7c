import { bfloat16ToFloat32 } from "../../cast/bfloat16-to-float32.js";
import { float16ToFloat32 } from "../../cast/float16-to-float32.js";
import { float32ToBfloat16 } from "../../cast/float32-to-bfloat16.js";
import { float32ToFloat16 } from "../../cast/float32-to-float16.js";
import { Scratch } from "../../scratch.js";
import type { DType, TypedArray } from "../../tensor.js";
import type { WeightValues } from "./weight.js";

type Bits = Uint16Array<ArrayBuffer>;

/**
 * How to read and write the values of a tensor of floats as float32; undefined for types whose values float32 cannot hold.
 *
 * @param load the tensor's own values
 */
export function storedFloats(
  dtype: DType | undefined,
  load: (scratch?: Scratch) => TypedArray,
): WeightValues | undefined {
  const half = (
    widen: (bits: Bits, options: { out: Float32Array }) => void,
    narrow: (floats: Float32Array, options: { out: Bits }) => void,
  ): WeightValues => ({
    load(scratch = new Scratch()) {
      const bits = load() as Bits;
      const floats = scratch.array("float32", [bits.length]) as Float32Array;
      widen(bits, { out: floats });
      return floats;
    },
    store: (pruned, out) => narrow(pruned, { out: out as Bits }),
  });
  switch (dtype) {
    case "float32":
      return { load: (scratch) => load(scratch) as Float32Array };
    case "float16":
      return half(float16ToFloat32, float32ToFloat16);
    case "bfloat16":
      return half(bfloat16ToFloat32, float32ToBfloat16);
    default:
      return undefined;
  }
}
