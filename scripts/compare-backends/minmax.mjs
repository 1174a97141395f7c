import { compare } from "./compare.mjs";
import { random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareMinMax({ channels, inner, x, text }) {
  for (const values of [x, x.map((value) => (Number.isNaN(value) ? -0 : value))]) {
    compare(`minMax, ${text}`, (backend) => {
      const range = new Float32Array(2);
      backend.minMax(values, range);
      return range;
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
