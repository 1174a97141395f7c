import { bytes, compare } from "./compare.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareMinMax({ channels, inner, length, offset, x, text }) {
  for (const values of [x, x.map((value) => (Number.isNaN(value) ? -0 : value))]) {
    compare(`minMax, ${text}`, (backend) => {
      const range = new Float32Array(2);
      backend.minMax(values, range);
      return range;
    });
    compare(`dynamicQuantizeLinear, ${text}`, (backend) => {
      const y = new Uint8Array(length + offset);
      const params = new Float32Array(4);
      backend.dynamicQuantizeLinear(values, y.subarray(offset), params);
      // Callers get them as numbers, and a number has one NaN.
      const numbers = Float64Array.from(params, (value) => (Number.isNaN(value) ? NaN : value));
      return Buffer.concat([y, bytes(numbers)]);
    });
    compare(`summarize, ${text}`, (backend) => {
      const range = new Float32Array(2);
      const counts = new Float64Array(2);
      backend.summarize(values, range, counts);
      return Buffer.concat([Buffer.from(range.buffer), Buffer.from(counts.buffer)]);
    });
    compare(`minMaxPerAxis, ${text}`, (backend) => {
      const ranges = new Float32Array(2 * channels);
      backend.minMaxPerAxis(values, ranges.subarray(0, channels), ranges.subarray(channels), inner);
      return ranges;
    });
  }
}
