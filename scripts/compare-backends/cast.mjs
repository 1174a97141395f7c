import { compare } from "./compare.mjs";
import { random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareCasts({ length, x, halves, offset, text }) {
  for (const name of /** @type {const} */ (["float32ToFloat16", "float32ToBfloat16"]))
    compare(`${name}, ${text}`, (backend) => {
      const y = new Uint16Array(length + offset);
      backend[name](x, y.subarray(offset));
      return y;
    });
  for (const name of /** @type {const} */ (["float16ToFloat32", "bfloat16ToFloat32"]))
    compare(`${name}, ${text}`, (backend) => {
      const y = new Float32Array(length + offset);
      backend[name](halves, y.subarray(offset));
      return y;
    });
}
