import type { Axes, WeightAxis } from "../../graph/channels/axes.js";
import { type ChannelGroup, setsOf } from "../../graph/channels/channel-groups.js";
import type { RemovalOrder } from "./removal-order.js";
import { weightValues } from "./weight-values.js";

/**
 * Orders the channels of a group by the norm of the weights that make them, over the mean of each layer, since layers differ
 * in the size of their weights and not for what they are worth.
 * H. Li, A. Kadav, I. Durdanovic, H. Samet, H. P. Graf: Pruning Filters for Efficient ConvNets, ICLR 2017.
 */
export function magnitudeOrder(
  axes: Axes,
  group: ChannelGroup,
  norm: "l1" | "l2",
  weights: ReadonlyMap<number, number>,
): RemovalOrder {
  const scores = new Map<number, number>(group.sets.map((set) => [set, 0]));
  for (const maker of group.makers) {
    const norms = normsOf(axes, maker, norm);
    const mean = [...norms.values()].reduce((a, b) => a + b, 0) / norms.size || 1;
    for (const [set, value] of norms)
      if (scores.has(set)) scores.set(set, scores.get(set)! + value / mean / group.makers.length);
  }
  return orderBy(group, scores, weights);
}

/** The lowest scores first; what a set costs is its score for each of its multiplications. */
export function orderBy(
  group: ChannelGroup,
  scores: ReadonlyMap<number, number>,
  weights: ReadonlyMap<number, number>,
): RemovalOrder {
  const sets = [...group.sets].sort((a, b) => scores.get(a)! - scores.get(b)! || a - b);
  let sum = 0;
  const losses = sets.map((set) => {
    sum += scores.get(set)! * (weights.get(set) ?? 0);
    return sum;
  });
  return { group, sets, losses };
}

function normsOf(axes: Axes, maker: WeightAxis, norm: "l1" | "l2"): Map<number, number> {
  const values = weightValues(axes, maker.weight);
  const shape = axes.shape(maker.weight) as readonly number[];
  const size = shape[maker.axis]!;
  const inner = shape.slice(maker.axis + 1).reduce((a, b) => a * b, 1);
  const sums = new Float64Array(size);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    sums[Math.floor(i / inner) % size]! += norm === "l1" ? Math.abs(value) : value * value;
  }
  const norms = new Map<number, number>();
  for (const [k, set] of setsOf(axes, maker).entries()) norms.set(set, (norms.get(set) ?? 0) + sums[k]!);
  if (norm === "l2") for (const [set, sum] of norms) norms.set(set, Math.sqrt(sum));
  return norms;
}
