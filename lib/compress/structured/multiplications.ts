import type { Axes, WeightAxis } from "../../graph/channels/axes.js";
import { type ChannelGroup, setsOf } from "../../graph/channels/channel-groups.js";
import type { Cut } from "../../graph/channels/cut-graph.js";

/** Multiplications by weights that each set of a group takes part in, while all other channels are there. */
export function multiplicationsOf(axes: Axes, { makers, readers }: ChannelGroup): Map<number, number> {
  const counts = new Map<number, number>();
  for (const each of [...makers, ...readers]) {
    const shape = axes.shape(each.weight) as readonly number[];
    const perElement = (product(shape) / shape[each.axis]!) * positions(axes, each);
    for (const set of setsOf(axes, each)) counts.set(set, (counts.get(set) ?? 0) + perElement);
  }
  return counts;
}

/** Multiplications by all weights of a graph, before and after a cut. */
export function totalMultiplications(axes: Axes, cut: Cut): { before: number; after: number } {
  const total = { before: 0, after: 0 };
  for (const maker of axes.makers) {
    const count = positions(axes, maker);
    total.before += count * product(cut.before(maker.weight) as readonly number[]);
    total.after += count * product(cut.after(maker.weight) as readonly number[]);
  }
  return total;
}

/** How often a weight is used for one sample, as far as sizes are known; looking up a row is no multiplication. */
function positions(axes: Axes, { node }: WeightAxis): number {
  const isConvolution = node.opType === "Conv" || node.opType === "ConvTranspose";
  const shape = axes.shape((node.opType === "ConvTranspose" ? node.input[0] : node.output[0])!);
  if (node.opType === "Gather" || !shape) return 0;
  return product(
    (isConvolution ? shape.slice(2) : shape.slice(0, -1)).filter((size) => typeof size === "number"),
  );
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}
