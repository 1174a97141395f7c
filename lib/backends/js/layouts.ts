/** Quantizes or dequantizes the elements from..to, with the parameters at k, or as lanes: each with the next ones from k on. */
export type Run = (from: number, to: number, k: number, lanes: boolean) => void;

/** Runs over x as [outer, channels, inner], with parameters for each channel. */
export function runPerAxis(run: Run, length: number, channels: number, inner: number): void {
  if (inner === 1) {
    for (let i = 0; i < length; i += channels) run(i, i + channels, 0, true);
    return;
  }
  for (let i = 0, channel = 0; i < length; i += inner, channel = channel + 1 === channels ? 0 : channel + 1)
    run(i, i + inner, channel, false);
}

/** Runs over x as [outer, size, inner], with parameters as [outer, ceil(size / block), inner]. */
export function runBlocked(run: Run, length: number, size: number, inner: number, block: number): void {
  if (inner === 1) {
    runRows(run, length, size, block);
    return;
  }
  let first = 0; // parameters of the block
  for (let i = 0, row = 0; i < length; i += inner, row = row + 1 === size ? 0 : row + 1) {
    if (row % block === 0 && i > 0) first += inner;
    run(i, i + inner, first, true);
  }
}

/** As runBlocked, where the elements of a block are neighbours. */
function runRows(run: Run, length: number, size: number, block: number): void {
  let k = 0;
  for (let row = 0; row < length; row += size)
    for (let at = 0; at < size; at += block) run(row + at, row + Math.min(at + block, size), k++, false);
}
