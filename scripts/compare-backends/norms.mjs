import { compare } from "./compare.mjs";
import { random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareNorms({ channels, inner, length, x, offset, text }) {
  const row = channels * inner;
  for (const order of [1, 2]) {
    compare(`channelNorms ${order}, ${text}`, (backend) => {
      const norms = new Float64Array(channels);
      backend.channelNorms(x, norms, inner, order);
      return norms;
    });
    const blockRows = 1 + (random() % (length / row));
    const blockColumns = 1 + (random() % row);
    const blocks = Math.ceil(length / row / blockRows) * Math.ceil(row / blockColumns);
    const removed = random() % (blocks + 1);
    compare(`pruneBlocks ${removed} of ${blockRows} x ${blockColumns}, ${order}, ${text}`, (backend) => {
      const y = new Float32Array(length + offset);
      backend.pruneBlocks(x, y.subarray(offset), row, blockRows, blockColumns, removed, order);
      return y;
    });
  }
}
