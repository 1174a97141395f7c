/** What one pass over the data may hold in memory, unless a single layer needs more. */
const BYTES_PER_PASS = 256 * 2 ** 20;

/** Shares layers out over passes over the data, so that memory does not grow with their number. */
export function* passesOf<Layer>(
  layers: Iterable<Layer>,
  bytesOf: (layer: Layer) => number,
): Generator<Layer[]> {
  let pass: Layer[] = [];
  let bytes = 0;
  for (const layer of layers) {
    const needed = bytesOf(layer);
    if (pass.length > 0 && bytes + needed > BYTES_PER_PASS) {
      yield pass;
      pass = [];
      bytes = 0;
    }
    pass.push(layer);
    bytes += needed;
  }
  if (pass.length > 0) yield pass;
}
