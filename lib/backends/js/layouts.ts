/** Quantizes or dequantizes the elements from..to, which share a scale and a zero point. */
export type Run = (from: number, to: number, scale: number, zeroPoint: number) => void;

/** Runs over x as [outer, channels, inner], with parameters for each channel. */
export function runPerAxis(
  run: Run,
  length: number,
  scales: Float32Array,
  zeroPoints: Int32Array,
  inner: number,
): void {
  const channels = scales.length;
  for (let i = 0, channel = 0; i < length; i += inner, channel = channel + 1 === channels ? 0 : channel + 1)
    run(i, i + inner, scales[channel]!, zeroPoints[channel]!);
}

/** Runs over x as [outer, size, inner], with parameters as [outer, ceil(size / block), inner]. */
export function runBlocked(
  run: Run,
  length: number,
  scales: Float32Array,
  zeroPoints: Int32Array,
  size: number,
  inner: number,
  block: number,
): void {
  let first = 0; // parameters of the block
  for (let i = 0, row = 0; i < length; row = row + 1 === size ? 0 : row + 1) {
    if (row % block === 0 && i > 0) first += inner;
    for (let k = first; k < first + inner; k++, i++) run(i, i + 1, scales[k]!, zeroPoints[k]!);
  }
}
