import { compare } from "./compare.mjs";
import { bitPatterns, random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareGguf({ length, perChannel, offset, text }) {
  for (const { name, bytes } of /** @type {const} */ ([
    { name: "Q8_0", bytes: 34 },
    { name: "Q4_0", bytes: 18 },
  ])) {
    const blocks = length >> 5;
    const quantized = new Uint8Array(bitPatterns((blocks * bytes + 3) >> 2).buffer, 0, blocks * bytes);
    compare(`quantizeGguf${name}, ${text}`, (backend) => {
      const y = new Uint8Array(blocks * bytes + offset);
      backend[`quantizeGguf${name}`](perChannel.subarray(0, blocks * 32), y.subarray(offset));
      return y;
    });
    compare(`dequantizeGguf${name}, ${text}`, (backend) => {
      const y = new Float32Array(blocks * 32 + offset);
      backend[`dequantizeGguf${name}`](quantized, y.subarray(offset));
      return y;
    });
  }
}
