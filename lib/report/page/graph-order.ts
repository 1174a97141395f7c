import type { Item } from "./graph-layout.js";

const SWEEPS = 8;

/** Orders the items of each layer by the mean place of what they are connected to, down and up in turn: few crossings. */
export function orderLayers(items: readonly Item[], layers: number[][]): void {
  const place = new Float64Array(items.length);
  const number = (layer: readonly number[]) => {
    for (const [at, item] of layer.entries()) place[item] = at;
  };
  for (const layer of layers) number(layer);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : layers.toReversed()) {
      const wanted = new Map(
        layer.map((item) => {
          const linked = down ? items[item]!.up : items[item]!.down;
          return [item, linked.length > 0 ? mean(linked, place) : place[item]!];
        }),
      );
      layer.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
      number(layer);
    }
  }
}

function mean(list: readonly number[], of: Float64Array): number {
  return list.reduce((sum, item) => sum + of[item]!, 0) / list.length;
}
