import { compare } from "./compare.mjs";
import { floats, random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function comparePruning({ scale, inner, length, x, text }) {
  const k = 1 + (random() % length);
  const parts = [x.subarray(0, length >> 1), x.subarray(length >> 1)];
  compare(`magnitudeThreshold ${k}, ${text}`, (backend) => {
    const result = new Float32Array(1);
    backend.magnitudeThreshold(parts, k, result);
    return result;
  });
  const bin = random() % 2 ** 15;
  for (const within of [-1, bin])
    compare(`magnitudeHistogram within ${within}, ${text}`, (backend) => {
      const counts = new Float64Array(within < 0 ? 2 ** 15 : 2 ** 16);
      backend.magnitudeHistogram(x, within, counts);
      return counts;
    });
  compare(`pruneMagnitude ${k}, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.pruneMagnitude(parts, [y.subarray(0, length >> 1), y.subarray(length >> 1)], k);
    return y;
  });
  compare(`pruneToThreshold, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.pruneToThreshold([x], [y], Math.abs(scale));
    return y;
  });
  const of = 2 + (random() % 18);
  const keep = random() % (of + 1);
  const groups = floats(of * inner * (1 + (random() % 20)), () => scale);
  for (const run of [1, inner])
    compare(`pruneNM ${keep} of ${of}, inner ${run}, ${text}`, (backend) => {
      const y = new Float32Array(groups.length);
      backend.pruneNM(groups, y, keep, of, run);
      return y;
    });
}
