import type { LayerStatistics } from "../../calibrate/layer-statistics.js";
import type { Axes } from "../../graph/channels/axes.js";
import type { ChannelGroup } from "../../graph/channels/channel-groups.js";
import { type LayerReader, layerReaders } from "./layer-readers.js";
import { magnitudeOrder, orderBy } from "./magnitude-order.js";
import type { ChannelScore } from "./options.js";
import { ReaderElimination, reconstructionOrder } from "./reconstruction-order.js";
import type { RemovalOrder } from "./removal-order.js";

/** Runs the model over the calibration samples, and tells what the inputs of layers were like. */
export type Collect = (readers: readonly LayerReader[]) => AsyncIterable<[LayerReader, LayerStatistics]>;

/** The order of every group by the norms of its weights. */
export function magnitudeOrders(
  axes: Axes,
  groups: readonly ChannelGroup[],
  weights: ReadonlyMap<number, number>,
  norm: "l1" | "l2",
): RemovalOrder[] {
  return groups.map((group) => magnitudeOrder(axes, group, norm, weights));
}

/**
 * The order of every group by what calibration saw of its channels where they are read. A group whose readers cannot be observed is
 * ordered by the norms of its weights; `onUnobserved` is told.
 */
export async function observedOrders(
  axes: Axes,
  groups: readonly ChannelGroup[],
  weights: ReadonlyMap<number, number>,
  score: Extract<ChannelScore, "activation" | "reconstruction">,
  collect: Collect,
  onUnobserved: (group: ChannelGroup) => void,
): Promise<RemovalOrder[]> {
  const readers = new Map(groups.map((group) => [group, layerReaders(axes, group.readers)]));
  const unique = new Map([...readers.values()].flat().map((reader) => [reader.name, reader]));
  const seen = new Map<ChannelGroup, Map<string, ReaderElimination | Map<number, number>>>();
  const orders = new Map<ChannelGroup, RemovalOrder>();
  for await (const [reader, statistics] of collect([...unique.values()]))
    for (const [group, own] of readers) {
      if (!own.some(({ name }) => name === reader.name)) continue;
      const found = seen.get(group) ?? new Map<string, ReaderElimination | Map<number, number>>();
      seen.set(group, found);
      const measured =
        score === "activation"
          ? squares(reader, statistics)
          : new ReaderElimination(axes, reader, statistics);
      found.set(reader.name, measured);
      if (found.size < own.length) continue;
      orders.set(group, orderOf(group, [...found.values()], weights));
      // What an elimination holds grows with the square of a layer's inputs.
      seen.delete(group);
    }
  return groups.map((group) => {
    const order = orders.get(group);
    if (order) return order;
    onUnobserved(group);
    return asShares(magnitudeOrder(axes, group, "l2", weights));
  });
}

function orderOf(
  group: ChannelGroup,
  measured: readonly (ReaderElimination | Map<number, number>)[],
  weights: ReadonlyMap<number, number>,
): RemovalOrder {
  const eliminations = measured.filter((each) => each instanceof ReaderElimination);
  if (eliminations.length > 0) return reconstructionOrder(group, eliminations);
  const sums = measured as Map<number, number>[];
  const roots = new Map(
    group.sets.map((set) => [set, Math.sqrt(sums.reduce((sum, each) => sum + (each.get(set) ?? 0), 0))]),
  );
  const mean = [...roots.values()].reduce((a, b) => a + b, 0) / roots.size || 1;
  return orderBy(group, new Map([...roots].map(([set, root]) => [set, root / mean])), weights);
}

/** The mean of the squares of each set's values. */
function squares({ columnSets, input }: LayerReader, { gram, rows }: LayerStatistics): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [column, set] of columnSets.entries())
    sums.set(set, (sums.get(set) ?? 0) + gram[column * input.columns + column]! / rows);
  return sums;
}

/** Losses as shares of the whole, so that they can be compared with those of outputs. */
function asShares({ group, sets, losses }: RemovalOrder): RemovalOrder {
  const whole = losses.at(-1) || 1;
  return { group, sets, losses: losses.map((loss) => loss / whole) };
}
