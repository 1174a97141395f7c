import type { LayerStatistics } from "../../calibrate/layer-statistics.js";
import type { Axes } from "../../graph/channels/axes.js";
import type { ChannelGroup } from "../../graph/channels/channel-groups.js";
import { type Elimination, eliminationOf } from "./elimination.js";
import { damped, layerGram, outputEnergy } from "./layer-gram.js";
import { type LayerReader, rowsOf } from "./layer-readers.js";
import type { RemovalOrder } from "./removal-order.js";

/** Makes the elimination of one reader, which needs its statistics no longer. */
export function readerElimination(axes: Axes, reader: LayerReader, statistics: LayerStatistics): Elimination {
  const { columns } = reader.input;
  const rows = rowsOf(axes, reader);
  const gram = layerGram(statistics, columns, reader.bias !== undefined);
  const energy = outputEnergy(rows, columns, gram) || 1;
  return eliminationOf({ rows, columns, gram: damped(gram, columns), energy, columnSets: reader.columnSets });
}

/** Orders the channels of a group so that each that goes is the one which the others make good best, in all layers that read it. */
export function reconstructionOrder(group: ChannelGroup, eliminations: readonly Elimination[]): RemovalOrder {
  const left = new Set(group.sets);
  const sets: number[] = [];
  const losses: number[] = [];
  let total = 0;
  while (left.size > 0) {
    let best: { set: number; loss: number } | undefined;
    for (const set of left) {
      let loss = 0;
      for (const each of eliminations) loss += each.loss(set);
      if (best === undefined || loss < best.loss) best = { set, loss };
    }
    const { set, loss } = best!;
    for (const each of eliminations) each.remove(set);
    left.delete(set);
    total += Math.max(0, loss);
    sets.push(set);
    losses.push(total);
  }
  return { group, sets, losses };
}
