import { type Item, NODE_WIDTH } from "./graph-layout.js";

const GAP = 22;
const BEND_WIDTH = 6;
const SWEEPS = 8;

/**
 * Places the items of each layer, in their order and apart from each other, as near as that allows (in squares) to what they
 * are connected to.
 */
export function placeLayers(items: readonly Item[], layers: readonly number[][]): void {
  for (let sweep = 0; sweep <= SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : layers.toReversed()) {
      const wanted = layer.map((item) => {
        const { up, down: below, x } = items[item]!;
        const linked = down ? up : below;
        return linked.length > 0 ? linked.reduce((sum, to) => sum + items[to]!.x, 0) / linked.length : x;
      });
      for (const [at, x] of keepApart(
        wanted,
        layer.map((item) => widthOf(items[item]!)),
      ).entries())
        items[layer[at]!]!.x = x;
    }
  }
}

function widthOf({ node }: Item): number {
  return (node === undefined ? BEND_WIDTH : NODE_WIDTH) + GAP;
}

interface Run {
  /** Place of its first item, were there nothing beside it. */
  sum: number;
  count: number;
}

/**
 * Pool adjacent violators: with the widths before each item taken away, places must ascend, and the nearest ascending places
 * are means of runs.
 */
function keepApart(wanted: readonly number[], widths: readonly number[]): number[] {
  const offsets: number[] = [];
  let offset = 0;
  for (const [i, width] of widths.entries()) {
    offset += i === 0 ? 0 : (widths[i - 1]! + width) / 2;
    offsets.push(offset);
  }
  const runs: Run[] = [];
  for (const [i, x] of wanted.entries()) {
    let run = { sum: x - offsets[i]!, count: 1 };
    for (let last = runs.at(-1); last && last.sum / last.count >= run.sum / run.count; last = runs.at(-1)) {
      run = { sum: run.sum + last.sum, count: run.count + last.count };
      runs.pop();
    }
    runs.push(run);
  }
  const places: number[] = [];
  for (const { sum, count } of runs)
    for (let i = 0; i < count; i++) places.push(sum / count + offsets[places.length]!);
  return places;
}
