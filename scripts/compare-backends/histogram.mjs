import { compare } from "./compare.mjs";
import { random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareHistogram({ number, scale, x, text }) {
  const bins = 1 + (random() % (number % 8 ? 200 : 5000));
  const histogramText = `histogram of ${bins} bins, ${text}`;
  const width = Math.fround(scale / 8);
  if (width >= 2 ** -140 && width * bins < 2 ** 120)
    for (const min of [0, -width * (random() % bins)])
      compare(histogramText, (backend) => {
        const counts = new Float64Array(bins);
        backend.histogram(x, min, min + width * bins, counts);
        return counts;
      });
}
