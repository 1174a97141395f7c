import type { Operations } from "../../backend.js";

export const histogram: Operations<void>["histogram"] = (x, min, max, counts) => {
  const bins = counts.length;
  const lastBin = bins - 1;
  const first = Math.fround(min);
  const last = Math.fround(max);
  const span = max - min;
  const step = span / bins;
  counts.fill(0);
  for (let i = 0; i < x.length; i++) {
    const v = x[i]!;
    if (!(v >= first && v <= last)) continue;
    const position = (Math.fround(v - first) / span) * bins;
    let bin = position < bins ? Math.trunc(position) : lastBin;
    // The position is rounded, and so are the edges: next to an edge only comparing tells.
    if (v < Math.fround(bin * step + min)) bin--;
    if (bin !== lastBin && v >= Math.fround((bin + 1) * step + min)) bin++;
    counts[bin]!++;
  }
};
